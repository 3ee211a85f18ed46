import { AuthError } from '../../errors.ts'
import type { Observer } from '../observer.ts'

type Limits = { concurrent: number; queued: number; waitMs: number }

/**
 * Keeps a flood of logins from taking the memory and the processor of everybody else. Who comes
 * when the house is full is refused at the door, before any other work is done for them; inside,
 * each hash waits for a permit, for a bounded time. A permit is held until its hash ends, also
 * when whoever asked for it has gone.
 */
export function createHashingGate({ concurrent, queued, waitMs }: Limits, observer?: Observer) {
  const waiting = new Set<() => void>()
  let free = concurrent
  let inside = 0

  function full() {
    observer?.onHashRefused()
    return new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
  }

  async function takePermit() {
    if (free > 0) {
      free--
      observer?.onHashStarted(0)
      return
    }
    const began = performance.now()
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        clearTimeout(timer)
        waiting.delete(enter)
        observer?.onHashStarted(performance.now() - began)
        resolve()
      }
      const timer = setTimeout(() => {
        waiting.delete(enter)
        reject(full())
      }, waitMs)
      waiting.add(enter)
    })
  }

  function handOn() {
    const [next] = waiting
    if (next) next()
    else free++
  }

  return {
    state: () => ({ running: concurrent - free, waiting: waiting.size }),

    /** Runs an operation that will hash, if there is room. @throws `SERVICE_UNAVAILABLE` */
    async enter<T>(operation: () => Promise<T>): Promise<T> {
      if (inside >= concurrent + queued) throw full()
      inside++
      try {
        return await operation()
      } finally {
        inside--
      }
    },

    /** Runs one hash. @throws `SERVICE_UNAVAILABLE` when its turn does not come in time. */
    async hash<T>(job: () => Promise<T>): Promise<T> {
      await takePermit()
      try {
        return await job()
      } finally {
        handOn()
      }
    },
  }
}
