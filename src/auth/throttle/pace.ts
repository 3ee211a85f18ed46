/** With fewer answers since the last start, the loop has time for other work. They take an eighth of a core. */
const IDLE_ANSWERS_PER_MS = 6

/**
 * Spreads work over the turns of the event loop, so that it gets no more than its share of the processor: one piece of
 * work starts for every `answersEach` answers from the session cache. A turn serves all connections that have a request,
 * so these answers wait for little other work, however much of it there is.
 *
 * A turn without answers alone does not show that the loop has time: the clients that were just answered are about to ask
 * again. It starts one piece of work if there were few answers since the last start.
 */
export function createPace(countAnswers: () => number, answersEach: number) {
  const waiting: (() => void)[] = []
  let counted = 0
  let credit = 0
  let answersSinceStart = 0
  let startedAt = 0

  function startSome() {
    const answers = countAnswers() - counted
    counted += answers
    answersSinceStart += answers
    credit = (credit % 1) + answers / answersEach
    const now = performance.now()
    const isIdle = answers === 0 && answersSinceStart <= IDLE_ANSWERS_PER_MS * (now - startedAt)
    const starts = isIdle ? 1 : Math.floor(credit)
    if (starts > 0) {
      answersSinceStart = 0
      startedAt = now
    }
    for (const start of waiting.splice(0, starts)) start()
    if (waiting.length > 0) setImmediate(startSome)
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
