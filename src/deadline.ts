type Pending = { until: number; reject: (fault: unknown) => void; onLate: () => Error; index: number }

/**
 * Rejects work that takes longer than `ms`, with a precision of a tenth. One timer watches all pending work, because a
 * separate timer would cost more than most of the work itself.
 *
 * @param toFault turns a fault of the work into the error that its caller gets
 */
export function createDeadline(ms: number, toFault = (fault: unknown) => fault) {
  // Not a `Set`: its former tables would keep finished work in memory, see docs/decisions/processes.md.
  const pending: Pending[] = []
  let isTicking = false

  function remove(each: Pending) {
    if (pending[each.index] !== each) return
    const last = pending.pop() as Pending
    if (last === each) return
    pending[each.index] = last
    last.index = each.index
  }

  function tick() {
    const now = performance.now()
    for (const each of pending.filter(({ until }) => until <= now)) {
      remove(each)
      each.reject(each.onLate())
    }
    isTicking = pending.length > 0
    if (isTicking) setTimeout(tick, ms / 10)
  }

  /** The result of the work, or the error that `onLate` returns. */
  function inTime<T>(work: PromiseLike<T>, onLate: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const each = { until: performance.now() + ms, reject, onLate, index: pending.length }
      pending.push(each)
      if (!isTicking) {
        isTicking = true
        setTimeout(tick, ms / 10)
      }
      work.then(
        (value) => {
          remove(each)
          resolve(value)
        },
        (fault: unknown) => {
          remove(each)
          reject(toFault(fault))
        },
      )
    })
  }

  return Object.assign(inTime, { pending: () => pending.length })
}
