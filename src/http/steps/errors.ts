import { errorResponse } from '../error-response.ts'
import type { Step } from '../pipeline.ts'

/** Turns an error of any later step into an answer. */
export const answerErrors: Step = (c, next) => {
  try {
    const answer = next(c)
    return answer instanceof Promise ? answer.catch((fault: unknown) => errorResponse(fault, c)) : answer
  } catch (fault) {
    return errorResponse(fault, c)
  }
}
