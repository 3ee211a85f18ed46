/** How long a thread ran and rested between two measurements. In what is left of the time, it waited for a processor. */
type Spent = { ranMs: number; restMs: number }

/**
 * Measures how long this thread rests. Linux counts the time of a thread when it sleeps, and otherwise in steps of some
 * milliseconds. So a measurement may find nothing, and a later one all since then.
 */
export function createRestMeter(startedAt: number) {
  let counted = { at: startedAt, ranMs: measureRunMs(), measurements: 0 }

  /** @param maxRestMs how long the thread can have rested before each measurement since something was found */
  return function measure(now: number, maxRestMs: number): Spent {
    counted.measurements++
    const ranMs = measureRunMs() - counted.ranMs
    if (ranMs === 0) return { ranMs, restMs: 0 }
    const possibleRestMs = Math.min(counted.measurements * maxRestMs, now - counted.at)
    counted = { at: now, ranMs: counted.ranMs + ranMs, measurements: 0 }
    return { ranMs, restMs: Math.max(0, possibleRestMs - ranMs) }
  }
}

/** How long this thread has run since its start. */
function measureRunMs() {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
