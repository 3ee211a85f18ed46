import type { Revocation, RevocationFeed } from '../contract/revocations.ts'

/** What may wait for a slow reader, besides the first batch, and for how long. Then its connection is closed. */
export const MAX_WAITING_BYTES = 256 * 1024
export const MAX_WAITING_MS = 10_000
/** A comment keeps the connection open while nothing is proven. */
const SILENCE_COMMENT = ': \n\n'

type Options = { nonce?: string | undefined; position: bigint | null }

/** A service's stream of server-sent events. It ends when the service leaves, reads too slowly, or the server stops. */
export async function streamRevocations(feed: RevocationFeed, { nonce, position }: Options) {
  const encoder = new TextEncoder()
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  let maxBytes = MAX_WAITING_BYTES
  let readAt = performance.now()
  /** How many revocations were sent, so that a service notices if one is missing. */
  let sent = 0
  let first = formatEvent('open', { at: roundMs(performance.now()), ...(nonce && { nonce }) })

  function send(text: string) {
    if (!controller) {
      first += text
      return
    }
    const now = performance.now()
    const waitingBytes = maxBytes - (controller.desiredSize ?? 0)
    if (waitingBytes === 0) readAt = now
    if (waitingBytes > maxBytes || now - readAt > MAX_WAITING_MS) {
      close((stream) => stream.error(new Error('The reader is too slow')))
    } else controller.enqueue(encoder.encode(text))
  }

  function close(how: (stream: ReadableStreamDefaultController<Uint8Array>) => void) {
    stopListening()
    if (controller) how(controller)
  }

  const stopListening = await feed.listen(
    {
      onForgotten: (untilMs) => {
        sent++
        send(formatEvent('all', { before: toEpochSeconds(untilMs) }))
      },
      onRevocations: (revocations, next) => {
        sent += revocations.length
        send(formatRevocations(revocations, next))
      },
      onProof: (ageMs) =>
        send(formatEvent('proof', { age: Math.ceil(ageMs), at: roundMs(performance.now()), sent })),
      onSilence: () => send(SILENCE_COMMENT),
      onEnd: () => close((stream) => stream.close()),
    },
    position,
  )

  const start = encoder.encode(first)
  maxBytes += start.length
  return new ReadableStream<Uint8Array>(
    {
      start(started) {
        controller = started
        started.enqueue(start)
      },
      cancel: stopListening,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: maxBytes }),
  )
}

/** The last event has the position, so a reader that got only a part of a batch gets it again. */
function formatRevocations(revocations: Revocation[], position: bigint) {
  const events = revocations.map(formatRevocation)
  const last = events.pop()
  return last === undefined ? '' : `${events.join('')}id: ${position}\n${last}`
}

function formatRevocation({ kind, subject, atMs }: Revocation) {
  if (kind === 'ENDED') return formatEvent('ended', { sid: subject })
  const before = toEpochSeconds(atMs)
  return kind === 'CHANGED'
    ? formatEvent('changed', { sub: subject, before })
    : formatEvent('all', { before })
}

const formatEvent = (name: string, data: object) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
const roundMs = (ms: number) => Math.floor(ms * 10) / 10

/** By the clock of this process, which also writes `iat`. So the clock of the database does not matter. */
const toEpochSeconds = (atMs: number) => Math.ceil(Date.now() - (performance.now() - atMs)) / 1000
