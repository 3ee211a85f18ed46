/** With fewer answers since the last start, the loop has time for other work. They take an eighth of a core. */
const IDLE_ANSWERS_PER_MS = 6
/** With fewer answers over a window, they need no protection: they take a fiftieth of a core. */
const QUIET_ANSWERS_PER_MS = 1
const WINDOW_MS = 20
/** In a quiet loop, each turn starts twice as much as the one before, up to this. Twice as many answers end the quiet at once. */
const MAX_QUIET_STARTS = 16

/**
 * Spreads work over the turns of the event loop, so that it gets no more than its share of the processor: one piece of
 * work starts for every `answersEach` answers from the session cache. A turn serves all connections that have a request,
 * so these answers wait for little other work, however much of it there is.
 *
 * A turn without answers alone does not show that the loop has time: the clients that were just answered are about to ask
 * again. It starts one piece of work if there were few answers since the last start. Without other clients, there is
 * nothing to wait for, and one piece a turn would cost more than the work itself.
 */
export function createPace(countAnswers: () => number, answersEach: number) {
  const waiting: (() => void)[] = []
  let counted = 0
  let credit = 0
  let answersSinceStart = 0
  let startedAt = 0
  let isQuiet = true
  let quietStarts = 1
  let window = { startedAt: 0, counted: 0, starts: 0 }

  function startSome() {
    const now = performance.now()
    const answers = countAnswers() - counted
    updateQuiet(now, answers)
    counted += answers
    answersSinceStart += answers
    credit = (credit % 1) + answers / answersEach
    const isIdle = answers === 0 && answersSinceStart <= IDLE_ANSWERS_PER_MS * (now - startedAt)
    const starts = waiting.splice(0, isQuiet ? quietStarts : isIdle ? 1 : Math.floor(credit))
    quietStarts = isQuiet ? Math.min(2 * quietStarts, MAX_QUIET_STARTS) : 1
    if (starts.length > 0) {
      answersSinceStart = 0
      startedAt = now
      window.starts += starts.length
    }
    for (const start of starts) start()
    if (waiting.length > 0) setImmediate(startSome)
  }

  /** Most work looks into the session cache once itself, which is no answer. */
  function updateQuiet(now: number, answers: number) {
    if (answers > 2 * MAX_QUIET_STARTS) isQuiet = false
    const ms = now - window.startedAt
    if (ms < WINDOW_MS) return
    isQuiet = countAnswers() - window.counted - window.starts < QUIET_ANSWERS_PER_MS * ms
    window = { startedAt: now, counted: countAnswers(), starts: 0 }
  }

  return function waitForStart(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (waiting.push(resolve) === 1) {
      counted = countAnswers()
      setImmediate(startSome)
    }
    return promise
  }
}
