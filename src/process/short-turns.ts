/** How many requests a turn starts. Bun looks for more in the same turn if 1,024 connections are ready. */
const MAX_STARTS = 1000
/** After so many its end is awaited, so that the requests of several short turns are not counted together. */
const WATCHED_STARTS = MAX_STARTS / 2

export type ShortTurns = ReturnType<typeof createShortTurns>

/**
 * Keeps the turns of the event loop short while a request waits for a timer, a hash or the database.
 *
 * Bun 1.4.5 serves up to 48 times 1,024 ready connections in one turn, and only then what else has happened. Thousands of
 * clients that ask again at once make every turn that long, nearly a second. So after the first requests of a turn, the
 * others start in later turns, in the order in which they came.
 *
 * @param countUnanswered the requests that have no answer yet
 */
export function createShortTurns(countUnanswered: () => number) {
  const held: (() => void)[] = []
  let starts = 0
  let isEndAwaited = false

  function awaitEnd() {
    isEndAwaited = true
    setImmediate(endTurn)
  }

  function endTurn() {
    isEndAwaited = false
    starts = 0
    const doOthersWait = countUnanswered() > held.length
    const next = held.splice(0, doOthersWait ? MAX_STARTS : held.length)
    if (held.length > 0) awaitEnd()
    for (const start of next) start()
  }

  return {
    /** @returns undefined if the request that has just come need not wait */
    waitForLaterTurn(): Promise<void> | undefined {
      starts++
      if (starts < WATCHED_STARTS && held.length === 0) return undefined
      if (!isEndAwaited) awaitEnd()
      if (held.length === 0 && (starts <= MAX_STARTS || countUnanswered() <= 1)) return undefined
      return new Promise((start) => held.push(start))
    },
  }
}
