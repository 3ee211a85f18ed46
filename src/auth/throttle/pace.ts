/** After so many turns without answers, the event loop rests instead of turning as fast as it can. */
const MAX_EMPTY_TURNS = 2
/** How long it rests then. If the next turn comes later, the thread waited for a processor meanwhile. */
const REST_MS = 1
/** With fewer answers over a window, they need no protection: they take a fiftieth of a core. */
const QUIET_ANSWERS_PER_MS = 1
const WINDOW_MS = 100
/** In a quiet loop, each turn starts twice as much as the one before, up to this. Twice as many answers end the quiet at once. */
const MAX_QUIET_STARTS = 16
/** After so much work, a quiet loop starts none for some turns. More answers in these turns end the quiet. */
const STARTS_PER_PROBE = 512
const PROBE_TURNS = 12
const MAX_PROBE_ANSWERS = 1
/** The time over which the pace is averaged. What happened `FORGET_MS` ago says nothing about it. */
const AVERAGE_MS = 100
const FORGET_MS = 1000
/** So much work may always wait, because the pace of the last moments may be over. */
const MIN_COUNTED_STARTS = 16
/** What is assumed about the pace while nothing is known. */
const MAX_STARTS_PER_MS = 1

type Waiting = { since: number; start: () => void; giveUp: () => void }

/**
 * Spreads work over the turns of the event loop, so that it gets no more than its share of the processor: one piece of
 * work starts for every `answersEach` answers from the session cache. A turn serves all connections that have a request,
 * so these answers wait for little other work, however much of it there is.
 *
 * Time in which the loop rests starts work too. Without other clients, work starts in batches, since one piece a turn would
 * cost more than the work.
 *
 * @param idleStartsPerMs how much work starts in a millisecond of rest
 * @param maxWaitMs beside other clients, work that waits longer is given up
 */
export function createPace(
  countAnswers: () => number,
  answersEach: number,
  idleStartsPerMs: number,
  maxWaitMs = Infinity,
) {
  const waiting: Waiting[] = []
  let last = { at: 0, answers: 0, ranMs: 0 }
  let credit = 0
  let startsPerMs = MAX_STARTS_PER_MS
  let isQuiet = true
  let quietStarts = 1
  let probe = { startsBefore: STARTS_PER_PROBE, turns: 0, answers: 0 }
  let emptyTurns = 0
  let isResting = false
  let window = { at: 0, answers: 0, ranMs: 0, starts: 0 }

  /** The first work after a rest starts at once, if the thread has rested long enough. */
  function begin(now: number) {
    const ranMs = measureRunMs()
    const restMs = now - last.at - (ranMs - last.ranMs)
    credit = Math.min(1, credit + restMs * idleStartsPerMs)
    isResting = false
    emptyTurns = 0
    if (now - last.at > FORGET_MS) startsPerMs = MAX_STARTS_PER_MS
    if (now - window.at >= WINDOW_MS) endWindow(now, now - window.at, ranMs)
    last = { at: now, answers: countAnswers(), ranMs }
    setImmediate(turn)
  }

  function turn() {
    const now = performance.now()
    const turnMs = now - last.at
    const answers = countAnswers() - last.answers
    const restMs = isResting ? Math.max(0, Math.min(turnMs, REST_MS) - measureRunMs() + last.ranMs) : 0
    emptyTurns = answers === 0 ? emptyTurns + 1 : 0
    last.at = now
    last.answers += answers
    updateQuiet(now, answers)
    credit += answers / answersEach + restMs * idleStartsPerMs
    const starts = waiting.splice(0, countDue(answers))
    credit %= 1
    quietStarts = isQuiet ? Math.min(2 * quietStarts, MAX_QUIET_STARTS) : 1
    window.starts += starts.length
    startsPerMs += (starts.length - startsPerMs * Math.min(turnMs, AVERAGE_MS)) / AVERAGE_MS
    for (const { start } of starts) start()
    if (!isQuiet) giveUp(now)
    isResting = emptyTurns >= MAX_EMPTY_TURNS && !isQuiet
    if (waiting.length === 0 || isResting) last.ranMs = measureRunMs()
    if (waiting.length > 0) isResting ? setTimeout(turn, REST_MS) : setImmediate(turn)
  }

  /**
   * How much work a turn starts. If work fills the turns, few clients get few answers, so the loop looks quiet however
   * much they ask. So a quiet loop probes: now and then it starts nothing for some turns, and counts their answers.
   */
  function countDue(answers: number) {
    if (!isQuiet) return Math.floor(credit)
    if (probe.turns > 0) {
      probe = { ...probe, turns: probe.turns - 1, answers: probe.answers + answers }
      if (probe.answers > MAX_PROBE_ANSWERS) endQuiet()
      return 0
    }
    if (probe.startsBefore <= 0) {
      probe = { startsBefore: STARTS_PER_PROBE, turns: PROBE_TURNS, answers: 0 }
      return 0
    }
    probe.startsBefore -= quietStarts
    return quietStarts
  }

  function endQuiet() {
    isQuiet = false
    probe.turns = 0
    window = { at: last.at, answers: last.answers, ranMs: measureRunMs(), starts: 0 }
  }

  /** Gives up work that has waited too long, and the newest of so much work that it would. The pace was not known when it came. */
  function giveUp(now: number) {
    while (waiting[0] && waiting[0].since < now - maxWaitMs) waiting.shift()?.giveUp()
    while (waiting.length > countStarts(maxWaitMs)) waiting.pop()?.giveUp()
  }

  /** How much work starts in this time, if the pace stays the same. */
  const countStarts = (ms: number) => (isQuiet ? Infinity : Math.max(MIN_COUNTED_STARTS, startsPerMs * ms))

  /** While work waits, the thread does not rest. So the time that it ran is counted, without the pauses of the machine. */
  function updateQuiet(now: number, answers: number) {
    if (answers > 2 * MAX_QUIET_STARTS) isQuiet = false
    if (now - window.at < WINDOW_MS) return
    const ranMs = measureRunMs()
    endWindow(now, ranMs - window.ranMs, ranMs)
  }

  /** Most work looks into the session cache once itself, which is no answer. */
  function endWindow(now: number, ms: number, ranMs: number) {
    const answers = countAnswers()
    isQuiet = answers - window.answers - window.starts < QUIET_ANSWERS_PER_MS * ms
    window = { at: now, answers, ranMs, starts: 0 }
  }

  return {
    /** @returns false if it was given up */
    waitForStart(): Promise<boolean> {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const since = performance.now()
      if (waiting.length === 0) begin(since)
      waiting.push({ since, start: () => resolve(true), giveUp: () => resolve(false) })
      return promise
    },

    countStarts,
  }
}

/** How long this thread has run since its start. */
function measureRunMs() {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
