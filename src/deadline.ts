/**
 * Rejects work that takes longer than `ms`, with a precision of a tenth. One timer watches all pending work, because a
 * separate timer would cost more than most of the work itself.
 *
 * @param toFault turns a fault of the work into the error that its caller gets
 */
export function createDeadline(ms: number, toFault = (fault: unknown) => fault) {
  const pending = new Set<{ until: number; reject: (fault: unknown) => void; onLate: () => Error }>()
  let isTicking = false

  function tick() {
    const now = performance.now()
    for (const each of pending) {
      // The set is in the order of the starts, so all later items have more time left.
      if (each.until > now) break
      pending.delete(each)
      each.reject(each.onLate())
    }
    isTicking = pending.size > 0
    if (isTicking) setTimeout(tick, ms / 10)
  }

  /** The result of the work, or the error that `onLate` returns. */
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
          reject(toFault(fault))
        },
      )
    })
  }

  return Object.assign(inTime, { pending: () => pending.size })
}
