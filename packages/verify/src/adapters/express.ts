import { isRefusal } from '../refusal.ts'
import type { Caller, Verifier } from '../verifier.ts'
import { callerOf, type Options } from './caller-of.ts'

type Request = { headers: { authorization?: string | undefined }; caller?: Caller | null }
type Response = {
  status(code: number): Response
  set(headers: Record<string, string>): Response
  send(body: string): unknown
}
type Next = (fault?: unknown) => void

/** Middleware for Express: `req.caller` is the caller. */
export function servauth(verifier: Verifier, options: Options = {}) {
  return async function servauth(req: Request, res: Response, next: Next) {
    try {
      req.caller = await callerOf(verifier, req.headers.authorization, options)
    } catch (fault) {
      return answerRefusal(fault, req, res, next)
    }
    next()
  }
}

/** An error handler that answers refusals, such as those of `requireFresh`. Put it after the routes. */
export function answerRefusal(fault: unknown, _req: Request, res: Response, next: Next) {
  if (!isRefusal(fault)) return next(fault)
  const headers = { ...fault.headers, 'content-type': 'application/problem+json' }
  res.status(fault.status).set(headers).send(JSON.stringify(fault))
}
