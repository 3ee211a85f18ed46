import { isRefusal } from '../refusal.ts'
import type { Caller, Verifier } from '../verifier.ts'
import { callerOf, type Options } from './caller-of.ts'

type Context = {
  req: { header(name: string): string | undefined }
  set(name: 'caller', value: Caller | null): void
}

/** Middleware for Hono: `c.get('caller')` is the caller. A `Refusal` of a later handler is answered too. */
export function servauth(verifier: Verifier, options: Options = {}) {
  return async function servauth(c: Context & { error?: unknown; res?: unknown }, next: () => Promise<void>) {
    try {
      c.set('caller', await callerOf(verifier, c.req.header('authorization'), options))
    } catch (fault) {
      return answer(fault)
    }
    await next()
    if (isRefusal(c.error)) c.res = answer(c.error)
    return undefined
  }
}

function answer(fault: unknown) {
  if (isRefusal(fault)) return fault.getResponse()
  throw fault
}
