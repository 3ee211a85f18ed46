import type { AppContext } from './context.ts'

/** The headers of this answer alone, for those that not every answer has. They begin as a copy of the common ones. */
export function headersOf(c: AppContext): Headers {
  const known = c.get('headers')
  if (known) return known
  const headers = new Headers(c.get('commonHeaders'))
  c.set('headers', headers)
  return headers
}

/**
 * An answer with all headers that the steps and the handler have set. Most answers have only the common ones. These are
 * not copied for them, because `Response` makes a copy: each answer writes its id and type into the same object.
 */
export function answer(
  c: AppContext,
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
  status: number,
  contentType?: string,
  more: Record<string, string> = {},
) {
  for (const name in more) headersOf(c).set(name, more[name] as string)
  if (contentType === undefined) headersOf(c).delete('Content-Type')
  const headers = c.get('headers') ?? c.get('commonHeaders')
  if (contentType !== undefined) headers.set('Content-Type', contentType)
  headers.set('X-Request-Id', c.get('requestId'))
  return new Response(body, { status, headers })
}
