import type { Revocation, RevocationFeed } from '../contract/revocations.ts'
import { isRefused } from '../errors.ts'

/** What may wait for a slow reader, besides the first batch, and for how long. Then its connection is closed. */
export const MAX_WAITING_BYTES = 256 * 1024
export const MAX_WAITING_MS = 10_000
/** A comment keeps the connection open while nothing is proven. */
const SILENCE_COMMENT = encode(': \n\n')

type Bytes = Uint8Array<ArrayBuffer>

type Options = {
  nonce?: string | undefined
  position: bigint | null
  serviceId: string
  /** Throws once the key of the service is not valid any more. */
  assertAllowed: () => unknown
}

/**
 * Streams of server-sent events, one for each connection of a service. A stream ends when the service leaves, reads too
 * slowly, or loses its key, or when the server stops.
 */
export function createRevocationStreams(feed: RevocationFeed) {
  /** All listeners get the same list. It is written once, and all of them share its bytes. */
  const written = new WeakMap<Revocation[], { position: bigint; bytes: Bytes }>()

  function encodeRevocations(revocations: Revocation[], position: bigint) {
    const known = written.get(revocations)
    if (known?.position === position) return known.bytes
    const bytes = encode(formatRevocations(revocations, position))
    written.set(revocations, { position, bytes })
    return bytes
  }

  return async function streamRevocations({ nonce, position, serviceId, assertAllowed }: Options) {
    let controller: ReadableStreamDefaultController<Bytes> | undefined
    let isOver = false
    let maxBytes = MAX_WAITING_BYTES
    let readAt = performance.now()
    /** How many revocations were sent, so that a service notices if one is missing. */
    let sent = 0
    const first = [encode(formatEvent('open', { at: roundMs(performance.now()), ...(nonce && { nonce }) }))]

    function send(bytes: Bytes) {
      if (!controller) {
        first.push(bytes)
        return
      }
      const now = performance.now()
      const waitingBytes = maxBytes - (controller.desiredSize ?? 0)
      if (waitingBytes === 0) readAt = now
      if (waitingBytes > maxBytes || now - readAt > MAX_WAITING_MS) {
        close((stream) => stream.error(new Error('The reader is too slow')))
      } else controller.enqueue(bytes)
    }

    function close(how: (stream: ReadableStreamDefaultController<Bytes>) => void) {
      if (isOver) return
      isOver = true
      stopListening()
      if (controller) how(controller)
    }

    /** A fault of the database proves nothing about the key. */
    async function checkKey() {
      try {
        await assertAllowed()
      } catch (fault) {
        if (isRefused(fault)) close((stream) => stream.close())
      }
    }

    const stopListening = await feed.listen(
      {
        serviceId,
        onForgotten: (untilMs) => {
          sent++
          send(encode(formatEvent('all', { before: toEpochSeconds(untilMs) })))
        },
        onRevocations: (revocations, next) => {
          sent += revocations.length
          send(encodeRevocations(revocations, next))
        },
        onProof: (ageMs) => {
          send(encode(formatEvent('proof', { age: Math.ceil(ageMs), at: roundMs(performance.now()), sent })))
          void checkKey()
        },
        onSilence: () => send(SILENCE_COMMENT),
        onEnd: () => close((stream) => stream.close()),
      },
      position,
    )

    maxBytes += first.reduce((sum, { length }) => sum + length, 0)
    return new ReadableStream<Bytes>(
      {
        start(started) {
          controller = started
          for (const bytes of first) started.enqueue(bytes)
          if (isOver) started.close()
        },
        cancel: () => close(() => {}),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: maxBytes }),
    )
  }
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

function encode(text: string) {
  return new TextEncoder().encode(text)
}
