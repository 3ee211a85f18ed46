import type { Revocation, RevocationFeed } from '../contract/revocations.ts'
import { isRefused } from '../errors.ts'

/** What may wait for a slow reader, besides the largest batch of revocations, and for how long. Then its connection is closed. */
export const MAX_WAITING_BYTES = 256 * 1024
export const MAX_WAITING_MS = 10_000
/** A comment keeps the connection open while nothing is proven. */
const SILENCE_COMMENT = encode(': \n\n')

type Bytes = Uint8Array<ArrayBuffer>

type Options = {
  nonce?: string | undefined
  position: string | null
  serviceId: string
  /** Throws once the key of the service is not valid any more. */
  assertAllowed: () => unknown
}

/**
 * Streams of server-sent events, one for each connection of a service. A stream ends when the service leaves, reads too
 * slowly, or loses its key, or when the server stops.
 */
export function createRevocationStreams(feed: RevocationFeed) {
  /** All listeners get the same lists. Each is written once, and all of them share its bytes. */
  const written = new WeakMap<Revocation[], { position: string | null; bytes: Bytes }>()

  function encodeRevocations(revocations: Revocation[], position: string | null) {
    const known = written.get(revocations)
    if (known?.position === position) return known.bytes
    const bytes = encode(formatRevocations(revocations, position))
    written.set(revocations, { position, bytes })
    return bytes
  }

  return async function streamRevocations({ nonce, position, serviceId, assertAllowed }: Options) {
    let controller: ReadableStreamDefaultController<Bytes> | undefined
    let isOver = false
    /** What the reader has not taken yet. Only what it takes is copied, for its connection. */
    const waiting: Bytes[] = []
    let waitingBytes = 0
    /** When the reader had last taken everything, and the most bytes that were sent at once since then. */
    let readAt = performance.now()
    let largestBatch = 0
    /** Ends the wait of a reader that has taken everything. */
    let wake: (() => void) | undefined
    /** How many revocations were sent, so that a service notices if one is missing. */
    let sent = 0

    function send(...batch: Bytes[]) {
      const now = performance.now()
      if (wake) {
        readAt = now
        largestBatch = 0
      }
      if (waitingBytes > largestBatch + MAX_WAITING_BYTES || now - readAt > MAX_WAITING_MS) {
        close()
        return
      }
      const bytes = batch.reduce((sum, { length }) => sum + length, 0)
      largestBatch = Math.max(largestBatch, bytes)
      waitingBytes += bytes
      waiting.push(...batch)
      wake?.()
    }

    async function pull(stream: ReadableStreamDefaultController<Bytes>) {
      if (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      wake = undefined
      const bytes = waiting.shift()
      if (isOver || !bytes) return
      waitingBytes -= bytes.length
      stream.enqueue(bytes)
    }

    function stop() {
      isOver = true
      stopListening()
      wake?.()
    }

    function close() {
      if (isOver) return
      stop()
      controller?.close()
    }

    /** A fault of the database proves nothing about the key. */
    async function checkKey() {
      try {
        await assertAllowed()
      } catch (fault) {
        if (isRefused(fault)) close()
      }
    }

    send(encode(formatEvent('open', { at: roundMs(performance.now()), ...(nonce && { nonce }) })))
    const stopListening = await feed.listen(
      {
        serviceId,
        onForgotten: (untilMs) => {
          sent++
          send(encode(formatEvent('all', { before: toEpochSeconds(untilMs) })))
        },
        onRevocations: (lists, next) => {
          sent += lists.reduce((sum, { length }) => sum + length, 0)
          send(...lists.map((list) => encodeRevocations(list, list === lists.at(-1) ? next : null)))
        },
        onProof: (ageMs) => {
          send(encode(formatEvent('proof', { age: Math.ceil(ageMs), at: roundMs(performance.now()), sent })))
          void checkKey()
        },
        onSilence: () => send(SILENCE_COMMENT),
        onEnd: close,
      },
      position,
    )

    return new ReadableStream<Bytes>(
      {
        start(started) {
          controller = started
          if (isOver) started.close()
        },
        pull,
        cancel: stop,
      },
      { highWaterMark: 0 },
    )
  }
}

/** The last event of the last list has the position, so a reader that got only a part of a batch gets it again. */
function formatRevocations(revocations: Revocation[], position: string | null) {
  const events = revocations.map(formatRevocation)
  const last = events.pop()
  const id = position === null ? '' : `id: ${position}\n`
  return last === undefined ? '' : `${events.join('')}${id}${last}`
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
