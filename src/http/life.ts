import type { AppContext } from './context.ts'

export type Handler = (c: AppContext) => Response | Promise<Response>

// biome-ignore lint/suspicious/noConfusingVoidType: most steps return nothing at all
type Outcome = void | Response

/** Something that is done to a request before its handler has it. A response ends it there. */
export type Step = (c: AppContext) => Outcome | Promise<Outcome>

type Life = {
  /** In this order. */
  before: Step[]
  /** Makes an answer of what a step or the handler throws. */
  onError: (fault: Error, c: AppContext) => Response
  /** Told of every request when its answer is ready, and how long that took. */
  after: (c: AppContext, ms: number, status: number) => void
}

/**
 * Gives a handler all that goes around it. Not as the router's middleware, which waits at each: what is at hand is
 * answered at once, without a promise, and that is a third of what such a request costs.
 */
export function life({ before, onError, after }: Life) {
  function pass(c: AppContext, handler: Handler, from = 0): Response | Promise<Response> {
    const step = before[from]
    if (!step) return handler(c)
    const done = step(c)
    return done instanceof Promise ? wait(done, c, handler, from) : (done ?? pass(c, handler, from + 1))
  }

  async function wait(done: Promise<Outcome>, c: AppContext, handler: Handler, from: number) {
    return (await done) ?? pass(c, handler, from + 1)
  }

  function end(c: AppContext, began: number, response: Response) {
    try {
      after(c, performance.now() - began, response.status)
    } catch {
      // What has been done stays done where it cannot be noted, as on a disk that is full.
    }
    return response
  }

  async function finish(c: AppContext, began: number, answer: Promise<Response>) {
    let response: Response
    try {
      response = await answer
    } catch (fault) {
      response = onError(fault as Error, c)
    }
    return end(c, began, response)
  }

  function serve(c: AppContext, handler: Handler) {
    const began = performance.now()
    let answer: Response | Promise<Response>
    try {
      answer = pass(c, handler)
    } catch (fault) {
      answer = onError(fault as Error, c)
    }
    return answer instanceof Promise ? finish(c, began, answer) : end(c, began, answer)
  }

  // What the handler says of itself goes with it.
  return (handler: Handler): Handler => Object.assign((c: AppContext) => serve(c, handler), handler)
}
