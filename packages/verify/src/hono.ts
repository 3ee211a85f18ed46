import { bearerOf } from './bearer.ts'
import type { Freshness } from './feed.ts'
import { isRefusal } from './refusal.ts'
import type { Caller, Verifier } from './verifier.ts'

type Options = { required?: boolean; freshness?: Freshness }
type Context = {
  req: { header(name: string): string | undefined }
  set(name: 'caller', value: Caller | null): void
}

/** Middleware for Hono: `c.get('caller')` is the caller. A `Refusal` of a later handler is answered too. */
export function servauth(
  verifier: Verifier,
  { required = true, freshness = verifier.freshness }: Options = {},
) {
  return async function servauth(c: Context & { error?: unknown; res?: unknown }, next: () => Promise<void>) {
    try {
      const token = bearerOf(c.req.header('authorization'))
      c.set('caller', token === null && !required ? null : await verifier.verify(token, { freshness }))
    } catch (fault) {
      return answer(fault)
    }
    await next()
    if (isRefusal(c.error)) c.res = answer(c.error)
    return undefined
  }
}

function answer(fault: unknown) {
  if (!isRefusal(fault)) throw fault
  return new Response(JSON.stringify(fault), {
    status: fault.status,
    headers: { ...fault.headers, 'content-type': 'application/problem+json' },
  })
}
