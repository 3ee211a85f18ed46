import type { AppContext } from './context.ts'

/**
 * The headers that the answer of a request will have. Not Hono's own, which gets the ten headers of each answer one after
 * the other: a copy of prepared ones takes a fifth of the time.
 */
export function headersOf(c: AppContext): Headers {
  const known = c.get('headers')
  if (known) return known
  const headers = new Headers()
  c.set('headers', headers)
  return headers
}

/** An answer with all headers that the steps and the handler have set. */
export function answer(
  c: AppContext,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
  status: number,
  more: Record<string, string> = {},
) {
  const headers = headersOf(c)
  for (const name in more) headers.set(name, more[name] as string)
  return new Response(body, { status, headers })
}
