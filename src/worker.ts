/** How often a failure that continues is reported. */
const REPORT_MS = 60_000
/** How long a stop waits for what runs. Another replica does the rest after its lease has ended. */
const MAX_STOP_MS = 5000

type Options<Item> = {
  /** How many items it works on at once. */
  max: number
  pollMs: number
  /** Leases items that are due, at most `count`, so that no other replica takes them. */
  take: (count: number) => Promise<Item[]>
  /** Does the work and writes the result. If it rejects, the lease ends and a worker takes the item again. */
  work: (item: Item) => Promise<void>
  /** Is not called for each attempt, as long as all fail. */
  onTakeFailed: (error: unknown) => void
}

/** Works on what is due in a table, until it is stopped. */
export function startWorker<Item>({ max, pollMs, take, work, onTakeFailed }: Options<Item>) {
  const running = new Set<Promise<void>>()
  const failure = createFailureReport(onTakeFailed)
  let stopped = false
  let wake = () => {}

  function begin(item: Item) {
    const done = work(item)
      .catch(() => {})
      .finally(() => {
        running.delete(done)
        wake()
      })
    running.add(done)
  }

  async function run() {
    while (!stopped) {
      const free = max - running.size
      const items = free > 0 ? await takeOrReport(free) : []
      for (const item of items) begin(item)
      if (items.length < free || running.size >= max) await pause()
    }
    await Promise.all(running)
  }

  async function takeOrReport(count: number) {
    try {
      const items = await take(count)
      failure.end()
      return items
    } catch (error) {
      failure.report(error)
      return []
    }
  }

  /** Until an item is done, the next poll, or a call of `wake`. */
  async function pause() {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pollMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  const ended = run()
  return {
    /** Looks for due items now instead of at the next poll. */
    wake: () => wake(),
    async stop() {
      stopped = true
      wake()
      let timer: ReturnType<typeof setTimeout> | undefined
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, MAX_STOP_MS)
      })
      await Promise.race([ended, timeout]).finally(() => clearTimeout(timer))
    },
  }
}

/** Reports the first failure, and then one a minute while all attempts fail: the log of an outage stays readable. */
export function createFailureReport(report: (error: unknown) => void) {
  let reportedAt = Number.NEGATIVE_INFINITY
  return {
    report(error: unknown) {
      if (performance.now() - reportedAt < REPORT_MS) return
      reportedAt = performance.now()
      report(error)
    },
    /** An attempt has succeeded. */
    end() {
      reportedAt = Number.NEGATIVE_INFINITY
    },
  }
}
