import { createFairQueue } from './fair-queue.ts'
import { createRestMeter } from './thread-rest.ts'

/** How often waiting work is looked at, at most. A busy event loop looks once in each of its turns. */
const LOOK_MS = 1
/** Over so many looks, answers are averaged. Clients that pause for some of them are still there. */
const AVERAGE_LOOKS = 32
/** More answers in a look need protection. Fewer take less than a fiftieth of a core. */
const QUIET_ANSWERS = 1
/** How much starts in a look without answers at least. The more answers there are, the less. */
const MIN_BATCH = 64
/**
 * A millisecond in which the thread rests starts as much work as started in so many in which it ran. So work fills two
 * thirds of the time that answers leave, and nearly all of it if there are hardly any.
 */
const FILL = 2
const QUIET_FILL = 30
/** So much starts in a millisecond of rest at least, because after a pause of the thread nothing has started lately. */
const MIN_STARTS_PER_REST_MS = 0.2
/** The time over which the pace is averaged. */
const AVERAGE_MS = 100
/** What is assumed about the pace while nothing is known. */
const MAX_STARTS_PER_MS = 1
/** So much work may always wait, because the pace of the last moments may be over. */
const MIN_COUNTED_STARTS = 16

type Options = {
  /** How much work starts in a millisecond in which the thread rests, if not as much as fills it. */
  idleStartsPerMs?: number
  /** Beside answers, work that waits longer is given up. */
  maxWaitMs?: number
}

type Waiting = {
  since: number
  cost: number
  client: AbortSignal | undefined
  start: () => void
  giveUp: () => void
}

/**
 * Spreads work over the turns of the event loop, so that it gets no more than its share of the processor: one piece of
 * work starts for every `answersEach` answers from the session cache. A turn serves all connections that have a request,
 * so these answers wait for little other work, however much of it there is.
 *
 * Time in which the loop rests starts work too. Without answers, work starts in batches, since one piece a turn would
 * cost more than the work. Clients that ask again as soon as they are answered ask in every turn, so even few are noticed.
 *
 * @param countAnswers the answers since the start that are not part of the work
 */
export function createPace(
  countAnswers: () => number,
  answersEach: number,
  { idleStartsPerMs, maxWaitMs = Infinity }: Options = {},
) {
  const waiting = createFairQueue<Waiting>()
  let last = { at: performance.now(), answers: countAnswers() }
  const measureRest = createRestMeter(last.at)
  let credit = 0
  let answersPerLook = 0.975 * QUIET_ANSWERS
  let startsPerMs = MAX_STARTS_PER_MS
  let runShare = 1

  const isQuiet = () => answersPerLook < QUIET_ANSWERS

  /** Adds what was earned since the last look. */
  function look(now: number) {
    const ms = now - last.at
    if (ms < LOOK_MS) return
    const answers = countAnswers() - last.answers
    last = { at: now, answers: answers + last.answers }
    const isWorkWaiting = waiting.size > 0
    // While work waits, a look that comes late does not mean rest: the thread waited for a processor.
    const { ranMs, restMs } = measureRest(now, isWorkWaiting ? LOOK_MS : Infinity)
    const looks = Math.max(1, restMs / LOOK_MS)
    answersPerLook += (answers / looks - answersPerLook) * Math.min(1, looks / AVERAGE_LOOKS)
    const filling = ((isQuiet() ? QUIET_FILL : FILL) * startsPerMs) / runShare
    credit += answers / answersEach + restMs * (idleStartsPerMs ?? Math.max(filling, MIN_STARTS_PER_REST_MS))
    if (isWorkWaiting) {
      startsPerMs *= 1 - Math.min(ms / AVERAGE_MS, 1)
      // Without the time in which the thread waited for a processor.
      const knownMs = ranMs + restMs
      if (knownMs > 0) runShare += (ranMs / knownMs - runShare) * Math.min(knownMs / AVERAGE_MS, 1)
    } else {
      credit = Math.min(credit, 1)
      startsPerMs = MAX_STARTS_PER_MS
      runShare = 1
    }
  }

  function turn() {
    const now = performance.now()
    look(now)
    const batch = isQuiet() ? MIN_BATCH * (1 - answersPerLook / QUIET_ANSWERS) : 0
    const starts = take(Math.floor(Math.max(batch, credit)))
    startsPerMs += starts.length / AVERAGE_MS
    for (const { start } of starts) start()
    if (!isQuiet()) giveUp(now)
    if (waiting.size > 0) setTimeout(turn, LOOK_MS)
  }

  /** To answer a client that has gone costs nothing, and its answer leaves the memory. */
  function dropIfGone({ client, start }: Waiting) {
    if (!client?.aborted) return false
    start()
    return true
  }

  /** The last may cost more than is left. Then the next ones wait for longer. */
  function take(budget: number) {
    const taken: Waiting[] = []
    if (budget < 1) return taken
    let left = budget
    for (
      let work = waiting.shift(dropIfGone);
      work;
      work = left >= 1 ? waiting.shift(dropIfGone) : undefined
    ) {
      taken.push(work)
      left -= work.cost
    }
    credit = (Math.max(credit, 0) % 1) + Math.min(left, 0)
    return taken
  }

  /** Gives up work that has waited too long, and the newest of so much work that it would. The pace was not known when it came. */
  function giveUp(now: number) {
    for (const { giveUp } of waiting.takeOldest(({ since }) => since < now - maxWaitMs)) giveUp()
    while (waiting.size > countStarts(maxWaitMs)) waiting.pop()?.giveUp()
  }

  /** How much work starts in this time, if the pace stays the same. */
  const countStarts = (ms: number) => (isQuiet() ? Infinity : Math.max(MIN_COUNTED_STARTS, startsPerMs * ms))

  return {
    /** Starts work immediately, if nothing waits and enough was earned. */
    tryStart(cost = 1): boolean {
      if (waiting.size > 0) return false
      look(performance.now())
      if (credit < 1) return false
      credit -= cost
      return true
    },

    /**
     * @param cost as how much work it counts
     * @param client whether the client has gone
     * @returns false if it was given up
     */
    waitForStart(network = '', cost = 1, client?: AbortSignal): Promise<boolean> {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const since = performance.now()
      if (waiting.size === 0) {
        look(since)
        setImmediate(turn)
      }
      waiting.push(network, { since, cost, client, start: () => resolve(true), giveUp: () => resolve(false) })
      return promise
    },

    countStarts,
  }
}
