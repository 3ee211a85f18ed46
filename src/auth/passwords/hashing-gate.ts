import { AuthError } from '../../errors.ts'
import type { Observer } from '../observer.ts'

type Limits = { maxConcurrent: number; maxQueued: number; maxWaitMs: number; maxShare: number }

/**
 * Limits concurrent password hashes, so that a flood of logins leaves memory and processor time for other requests.
 * If the queue is full, new operations are refused before they do any other work. Each hash waits for a permit and
 * holds it until the hash ends, even if its request was aborted. One network holds at most `maxShare` of the places.
 */
export function createHashingGate(
  { maxConcurrent, maxQueued, maxWaitMs, maxShare }: Limits,
  observer?: Observer,
) {
  const maxOperations = maxConcurrent + maxQueued
  const maxPerNetwork = Math.max(1, Math.floor(maxOperations * maxShare))
  const perNetwork = new Map<string, number>()
  const queue = new Set<() => void>()
  let freePermits = maxConcurrent
  let operations = 0

  function createRefusedError() {
    observer?.onHashRefused()
    return new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
  }

  async function takePermit() {
    if (freePermits > 0) {
      freePermits--
      observer?.onHashStarted(0)
      return
    }
    const queuedAt = performance.now()
    await new Promise<void>((resolve, reject) => {
      const start = () => {
        clearTimeout(timer)
        queue.delete(start)
        observer?.onHashStarted(performance.now() - queuedAt)
        resolve()
      }
      const timer = setTimeout(() => {
        queue.delete(start)
        reject(createRefusedError())
      }, maxWaitMs)
      queue.add(start)
    })
  }

  function returnPermit() {
    const [startNext] = queue
    if (startNext) startNext()
    else freePermits++
  }

  return {
    state: () => ({ running: maxConcurrent - freePermits, waiting: queue.size }),

    /** Runs an operation that will hash. @throws `SERVICE_UNAVAILABLE` if too many run, in all or of this network */
    async enter<T>(network: string, operation: () => Promise<T>): Promise<T> {
      const ofNetwork = perNetwork.get(network) ?? 0
      if (operations >= maxOperations || ofNetwork >= maxPerNetwork) throw createRefusedError()
      operations++
      perNetwork.set(network, ofNetwork + 1)
      try {
        return await operation()
      } finally {
        operations--
        const left = (perNetwork.get(network) ?? 1) - 1
        if (left > 0) perNetwork.set(network, left)
        else perNetwork.delete(network)
      }
    },

    /** Runs one hash. @throws `SERVICE_UNAVAILABLE` if it gets no permit in time */
    async hash<T>(job: () => Promise<T>): Promise<T> {
      await takePermit()
      try {
        return await job()
      } finally {
        returnPermit()
      }
    },
  }
}
