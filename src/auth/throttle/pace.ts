/** How many pieces of work start in a turn of the event loop without answers from the session cache. */
const STARTS_PER_IDLE_TURN = 4

/**
 * Spreads work over the turns of the event loop, so that it gets no more than its share of the processor: one piece of
 * work starts for every `answersEach` answers from the session cache. A turn serves all connections that have a request,
 * so these answers wait for little other work, however much of it there is.
 */
export function createPace(countAnswers: () => number, answersEach: number) {
  const waiting: (() => void)[] = []
  let counted = 0
  let credit = 0

  function startSome() {
    const answers = countAnswers() - counted
    counted += answers
    credit = answers === 0 ? STARTS_PER_IDLE_TURN : (credit % 1) + answers / answersEach
    for (const start of waiting.splice(0, Math.floor(credit))) start()
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
