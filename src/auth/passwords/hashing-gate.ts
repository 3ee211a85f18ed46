import { AuthError } from '../../errors.ts'
import { createAdmission } from '../load/admission.ts'
import type { Observer } from '../observer.ts'

/** Over so many hashes, their duration is averaged. */
const AVERAGE_HASHES = 16
/** How long the duration of the last hashes counts while none runs. The next ones may be faster. */
const MEMORY_MS = 1000

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
 * holds it until the hash ends, even if its request was aborted. One network holds at most `maxShare` of the slots.
 *
 * While hashes wait, operations whose hash has ended continue together: after a hash, the caches of the processor have
 * none of the code that follows, and the first of several operations loads it for all.
 */
export function createHashingGate(
  { maxConcurrent, maxQueued, maxWaitMs, maxShare, maxHoldMs }: Limits,
  observer?: Observer,
) {
  const { admit: enter } = createAdmission({
    maxOperations: countSlots,
    maxPerNetwork: () => Math.floor(countSlots() * maxShare),
    onRefused: () => observer?.onHashRefused(),
  })
  const queue: (() => void)[] = []
  let freePermits = maxConcurrent
  let ended: (() => void)[] = []
  let holdTimer: ReturnType<typeof setTimeout> | undefined
  const last = { hashMs: 0, endedAt: 0 }

  /** How many operations can hash in time. Where requests take the processor, a hash can take thirty times as long. */
  function countSlots() {
    if (freePermits === maxConcurrent && performance.now() - last.endedAt > MEMORY_MS) last.hashMs = 0
    const inTime = maxConcurrent * Math.ceil(maxWaitMs / Math.max(last.hashMs, 1))
    return Math.min(maxConcurrent + maxQueued, inTime)
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
        observer?.onHashStarted(performance.now() - queuedAt)
        resolve()
      }
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(start), 1)
        observer?.onHashRefused()
        reject(new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 }))
      }, maxWaitMs)
      queue.push(start)
    })
  }

  function returnPermit() {
    const startNext = queue.shift()
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
      if (count >= queue.length) continueAll()
      else if (count === 1) holdTimer = setTimeout(continueAll, maxHoldMs)
    })
  }

  return {
    state: () => ({ running: maxConcurrent - freePermits, waiting: queue.length }),

    /** Runs an operation that will hash. @throws `SERVICE_UNAVAILABLE` if too many run, in all or of this network */
    enter,

    /** Runs one hash. @throws `SERVICE_UNAVAILABLE` if it gets no permit in time */
    async hash<T>(job: () => Promise<T>): Promise<T> {
      await takePermit()
      const startedAt = performance.now()
      try {
        return await job()
      } finally {
        last.endedAt = performance.now()
        last.hashMs += (last.endedAt - startedAt - last.hashMs) / AVERAGE_HASHES
        returnPermit()
        await waitForOthers()
      }
    },
  }
}
