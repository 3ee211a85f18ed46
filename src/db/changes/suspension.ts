/** If the wall clock moves ahead of the monotonic one by more between two looks, the machine may have been suspended. */
const MAX_STEP_MS = 50
/** How often that is checked, at most: to read the wall clock costs as much as all the rest of a look at the cache. */
const CHECK_MS = 1

/** Notices a suspension of the machine, during which its monotonic clock stands still. */
export function createSuspensionCheck() {
  let lead = readLead()
  let checkedAt = Number.NEGATIVE_INFINITY

  return {
    isDue: (now: number) => now - checkedAt > CHECK_MS,

    /** Whether there may have been one since the last call. */
    wasSuspended(now: number) {
      checkedAt = now
      let leadNow = Date.now() - now
      // This thread may have been interrupted between the two clocks.
      if (leadNow - lead > MAX_STEP_MS) leadNow = Math.min(readLead(), readLead())
      const isStep = leadNow - lead > MAX_STEP_MS
      lead = leadNow
      return isStep
    },
  }
}

/** How far the wall clock is ahead of the monotonic one. */
const readLead = () => Date.now() - performance.now()
