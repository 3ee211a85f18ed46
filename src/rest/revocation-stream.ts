import type { Revocation, RevocationFeed } from '../contract/revocations.ts'
import { isRefused } from '../errors.ts'
import { type Bytes, createBoundedStream } from './bounded-stream.ts'

/** A comment keeps the connection open while nothing is proven. */
const SILENCE_COMMENT = encode(': \n\n')

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
    /** How many revocations were sent, so that a service notices if one is missing. */
    let sent = 0
    const { send, close, open } = createBoundedStream(() => stopListening())

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
    return open()
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
