/**
 * Refuses what takes longer than `ms`, give or take a tenth. One timer watches over all that is pending:
 * one for each would cost more than most of what they guard.
 */
export function createDeadline(ms: number) {
  const pending = new Set<{ until: number; reject: (fault: Error) => void; onLate: () => Error }>()
  let isTicking = false

  function tick() {
    const now = performance.now()
    for (const each of pending) {
      // In the order in which they came, so the rest is younger.
      if (each.until > now) break
      pending.delete(each)
      each.reject(each.onLate())
    }
    isTicking = pending.size > 0
    if (isTicking) setTimeout(tick, ms / 10)
  }

  /** The same result, or the error that `onLate` returns. */
  function inTime<T>(work: PromiseLike<T>, onLate: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const each = { until: performance.now() + ms, reject, onLate }
      pending.add(each)
      if (!isTicking) {
        isTicking = true
        setTimeout(tick, ms / 10)
      }
      work.then(
        (value) => {
          pending.delete(each)
          resolve(value)
        },
        (fault: unknown) => {
          pending.delete(each)
          reject(fault)
        },
      )
    })
  }

  return Object.assign(inTime, { pending: () => pending.size })
}
