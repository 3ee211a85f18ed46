import type { RequestContext } from './context.ts'

/** The headers of this answer alone, for those that not every answer has. They begin as a copy of the common ones. */
export function headersOf(c: RequestContext): Headers {
  const known = c.answerHeaders
  if (known) return known
  const headers = new Headers(c.commonHeaders)
  c.answerHeaders = headers
  return headers
}

/** Bun sends a larger answer that is not ready at once in many small packets: one for each part of each header. */
const MAX_WHOLE_CHARACTERS = 15_000

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null

/**
 * An answer with all headers that the steps and the handler have set. Most answers have only the common ones. These are
 * not copied for them, because `Response` makes a copy: each answer writes its id and type into the same object.
 *
 * A long text is a stream, which Bun sends in two packets, in a quarter of the time.
 */
export function answer(
  c: RequestContext,
  body: Body,
  status: number,
  contentType?: string,
  more: Record<string, string> = {},
) {
  for (const name in more) headersOf(c).set(name, more[name] as string)
  if (contentType === undefined) headersOf(c).delete('Content-Type')
  const headers = c.answerHeaders ?? c.commonHeaders
  if (contentType !== undefined) headers.set('Content-Type', contentType)
  headers.set('X-Request-Id', c.requestId)
  const isShort = typeof body === 'string' && body.length < MAX_WHOLE_CHARACTERS
  return new Response(isShort ? body : toLongBody(c, body), { status, headers })
}

function toLongBody(c: RequestContext, body: Body) {
  if (body === null || body instanceof ReadableStream) return body
  c.answerLength = body.length
  if (typeof body !== 'string') return body
  // Only when it is sent, because the answer may wait for its turn.
  const send = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    controller.enqueue(Buffer.from(body))
    controller.close()
  }
  return new ReadableStream({ pull: send }, { highWaterMark: 0 })
}
