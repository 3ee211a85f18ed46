import { AuthError } from '../errors.ts'

type Limits = { concurrent: number; queued: number; waitMs: number }

/**
 * Admits a bounded number of jobs at a time and lets a bounded number wait, so that a flood of
 * logins takes neither the memory nor the processor of everybody else. Whoever cannot be served
 * in time is refused with `SERVICE_UNAVAILABLE`. A permit is held until its job ends, also when
 * whoever asked for it has gone.
 */
export function createHashingGate({ concurrent, queued, waitMs }: Limits) {
  const waiting = new Set<() => void>()
  let free = concurrent

  async function admit() {
    if (free > 0) {
      free--
      return
    }
    if (waiting.size >= queued) throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        clearTimeout(timer)
        waiting.delete(enter)
        resolve()
      }
      const timer = setTimeout(() => {
        waiting.delete(enter)
        reject(new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 }))
      }, waitMs)
      waiting.add(enter)
    })
  }

  function release() {
    const [next] = waiting
    if (next) next()
    else free++
  }

  return async function pass<T>(job: () => Promise<T>): Promise<T> {
    await admit()
    try {
      return await job()
    } finally {
      release()
    }
  }
}
