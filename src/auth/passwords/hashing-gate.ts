import { AuthError } from '../../errors.ts'
import type { Observer } from '../observer.ts'
import { createAdmission } from '../throttle/admission.ts'

type Limits = {
  maxConcurrent: number
  maxQueued: number
  maxWaitMs: number
  maxShare: number
  /** How long the end of a hash may wait for others. */
  maxHoldMs: number
}

/**
 * Limits concurrent password hashes, so that a flood of logins leaves memory and processor time for other requests.
 * If the queue is full, new operations are refused before they do any other work. Each hash waits for a permit and
 * holds it until the hash ends, even if its request was aborted. One network holds at most `maxShare` of the places.
 *
 * While hashes wait, operations whose hash has ended continue together: after a hash, the caches of the processor have
 * none of the code that follows, and the first of several operations loads it for all.
 */
export function createHashingGate(
  { maxConcurrent, maxQueued, maxWaitMs, maxShare, maxHoldMs }: Limits,
  observer?: Observer,
) {
  const maxOperations = maxConcurrent + maxQueued
  const { admit: enter } = createAdmission({
    maxOperations,
    maxPerNetwork: () => Math.floor(maxOperations * maxShare),
    onRefused: () => observer?.onHashRefused(),
  })
  const queue = new Set<() => void>()
  let freePermits = maxConcurrent
  let ended: (() => void)[] = []
  let holdTimer: ReturnType<typeof setTimeout> | undefined

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
        observer?.onHashRefused()
        reject(new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 }))
      }, maxWaitMs)
      queue.add(start)
    })
  }

  function returnPermit() {
    const [startNext] = queue
    if (startNext) startNext()
    else freePermits++
  }

  function continueAll() {
    clearTimeout(holdTimer)
    const operations = ended
    ended = []
    for (const proceed of operations) proceed()
  }

  /** Ends when as many have ended as still wait: then the rest keeps the cores busy until these come back. */
  function waitForOthers() {
    return new Promise<void>((proceed) => {
      const count = ended.push(proceed)
      if (count >= queue.size) continueAll()
      else if (count === 1) holdTimer = setTimeout(continueAll, maxHoldMs)
    })
  }

  return {
    state: () => ({ running: maxConcurrent - freePermits, waiting: queue.size }),

    /** Runs an operation that will hash. @throws `SERVICE_UNAVAILABLE` if too many run, in all or of this network */
    enter,

    /** Runs one hash. @throws `SERVICE_UNAVAILABLE` if it gets no permit in time */
    async hash<T>(job: () => Promise<T>): Promise<T> {
      await takePermit()
      try {
        return await job()
      } finally {
        returnPermit()
        await waitForOthers()
      }
    },
  }
}
