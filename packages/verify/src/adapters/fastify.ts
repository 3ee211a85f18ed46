import { isRefusal } from '../refusal.ts'
import type { Verifier } from '../verifier.ts'
import { callerOf, type Options } from './caller-of.ts'

type Request = { headers: { authorization?: string | undefined } }
type Reply = {
  code(status: number): Reply
  headers(headers: Record<string, string>): Reply
  send(body: string): unknown
}

/** A hook for Fastify's `onRequest`: `request.caller` is the caller. Declare it by `decorateRequest('caller')`. */
export function servauth(verifier: Verifier, options: Options = {}) {
  return async function servauth(request: Request, reply: Reply) {
    try {
      const caller = await callerOf(verifier, request.headers.authorization, options)
      Object.assign(request, { caller })
    } catch (fault) {
      return answerRefusal(fault, request, reply)
    }
    return undefined
  }
}

/** An error handler that answers refusals, such as those of `requireFresh`: `app.setErrorHandler(answerRefusal)`. */
export function answerRefusal(fault: unknown, _request: Request, reply: Reply) {
  if (!isRefusal(fault)) throw fault
  const headers = { ...fault.headers, 'content-type': 'application/problem+json' }
  reply.code(fault.status).headers(headers).send(JSON.stringify(fault))
  return reply
}
