import type { Caller } from '../../contract/caller.ts'
import type { Network } from '../../settings/kinds/network.ts'
import type { RequestContext } from '../context.ts'
import { errorResponse } from '../error-response.ts'
import type { Step } from '../pipeline.ts'
import { clientAddress } from '../request/client-address.ts'

/** How much of a long answer is sent in a millisecond, about. */
const CHARACTERS_PER_MS = 400_000

type Options = {
  trustedProxies: Network[]
  waitForTurn: (ipAddress: string | null, workMs: number, client: AbortSignal) => Promise<unknown> | undefined
}

/**
 * Turns an error of any later step into an answer. Lets every answer wait for its turn, unless an operation has started or
 * the session cache knew the caller. So no kind of request that needs no account can keep the server busy.
 *
 * This is one step, because each further promise costs every request with a body.
 */
export function turnsAndErrors({ trustedProxies, waitForTurn }: Options): Step {
  function inTurn(c: RequestContext, answer: Response) {
    // A request that is refused early has no caller.
    const caller = c.caller as Caller | undefined
    if (caller?.isAdmitted) return answer
    const workMs = c.workMs + c.answerLength / CHARACTERS_PER_MS
    const turn = waitForTurn(clientAddress(c, trustedProxies), workMs, c.request.signal)
    return turn ? turn.then(() => answer) : answer
  }

  return function turnsAndErrors(c, next) {
    try {
      const answer = next(c)
      if (!(answer instanceof Promise)) return inTurn(c, answer)
      return answer.then(
        (response) => inTurn(c, response),
        (fault: unknown) => inTurn(c, errorResponse(fault, c)),
      )
    } catch (fault) {
      return inTurn(c, errorResponse(fault, c))
    }
  }
}
