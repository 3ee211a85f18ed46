import type { Socket } from 'node:net'
import { type Host, isSocket } from '../../libpq/hosts.ts'
import type { Target } from '../../libpq/target.ts'
import { restrictAuthentication } from './authentication.ts'
import { ConnectionFault } from './connection-fault.ts'
import { openEncrypted, openPlain } from './encryption.ts'

/** How long a server that cannot be used is skipped, for each host: long enough to try all others. */
const SKIP_MS = 2000

/**
 * When a connection to a host last failed before it could be used, unless a later one could. Kept for the thread, because a
 * caller may give up before its own attempt fails.
 */
const failures = new Map<string, number>()

const noPrimary = () => new ConnectionFault('ENOPRIMARY', 'No host accepts writes')

/**
 * Opens sockets for the driver. It tries the last good host first, but hosts that failed after those that did not. The driver
 * supports no IPv6 addresses, cannot use a server without TLS if it may have TLS, and checks all certificates against the
 * name of the first host.
 */
export function createSocketOpener(target: Target, connectMs: number) {
  const { hosts, tls } = target
  const indexes = new WeakMap<object, number>()
  const skipped = new Map<number, { until: number; reason: Error }>()
  const keys = hosts.map((host) => JSON.stringify(host))
  let lastGood = 0

  const failedAt = (index: number) => failures.get(keys[index] ?? '') ?? 0
  const recordFailure = (index: number) => failures.set(keys[index] ?? '', performance.now())

  async function openAny() {
    let fault: Error | undefined
    const first = target.isShuffled ? Math.floor(Math.random() * hosts.length) : lastGood
    const order = hosts.map((_, offset) => (first + offset) % hosts.length)
    for (const index of order.toSorted((a, b) => failedAt(a) - failedAt(b))) {
      const skip = skipped.get(index)
      if (skip && skip.until > performance.now()) {
        fault ??= skip.reason
        continue
      }
      try {
        const socket = await openTo(hosts[index] as Host)
        indexes.set(socket, index)
        return socket
      } catch (caught) {
        recordFailure(index)
        fault = caught as Error
      }
    }
    skipped.clear()
    throw fault ?? noPrimary()
  }

  async function openTo(host: Host): Promise<Socket> {
    const encrypted = tls && !isSocket(host) ? await openEncrypted(host, tls, connectMs) : undefined
    const socket = encrypted ?? (await openPlain(host, connectMs))
    // The server may have closed it already, and the driver listens only from now on.
    if (socket.destroyed) throw new ConnectionFault('ECONNRESET', 'The server has closed the connection')
    return restrictAuthentication(socket, target)
  }

  return Object.assign(openAny, {
    /** The server behind this socket can be used. */
    accept(socket: object) {
      lastGood = indexes.get(socket) ?? lastGood
      failures.delete(keys[lastGood] ?? '')
    },
    /** The connection ended before it could be used. The server may hang, or a proxy may have no server. */
    fail(socket: object) {
      const index = indexes.get(socket)
      if (index !== undefined) recordFailure(index)
    },
    /** Skips the server behind this socket for a while. The reason is thrown if no other host can be used. */
    skip(socket: object, reason: Error = noPrimary()) {
      skipped.set(indexes.get(socket) ?? -1, { until: performance.now() + SKIP_MS * hosts.length, reason })
    },
  })
}
