import { createDeadline } from '../deadline.ts'
import { AuthError, invalid } from '../errors.ts'
import type { AppContext } from './context.ts'
import { adapterOf } from './operation.ts'
import type { Step } from './pipeline.ts'

const KIB = 1024
export const MAX_BODY_BYTES = { graphql: 32 * KIB, rest: 8 * KIB }
/** How long a body may take to arrive. */
export const MAX_BODY_MS = 10_000

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Reads the whole body before any later step: within a size and a time, and without decompression. */
export function body(): Step {
  const inTime = createDeadline(MAX_BODY_MS)

  async function read(c: AppContext) {
    const encoding = c.req.header('content-encoding')
    if (encoding && encoding.toLowerCase() !== 'identity') throw new AuthError('UNSUPPORTED_MEDIA_TYPE')
    const bytes = bytesOf(c.req.raw, MAX_BODY_BYTES[adapterOf(c)])
    try {
      c.set('body', bytes ? utf8.decode(await inTime(bytes, late)) : '')
    } catch (fault) {
      // Not UTF-8 (RFC 8259, section 8.1), or the client closed the connection before the end.
      throw fault instanceof AuthError ? fault : unreadable('The body is not whole or not UTF-8.')
    }
  }

  return function body(c, next) {
    // A body has no meaning with these methods (RFC 9110, section 9.3.1), and Bun does not pass it on.
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return read(c).then(() => next(c))
    c.set('body', '')
    return next(c)
  }
}

/** The body as text, empty if there is none. The steps that need it come after the step that reads it. */
export function bodyOf(c: AppContext): string {
  const body = c.get('body')
  if (body === undefined) throw new TypeError('The pipeline must read the body before this step')
  return body
}

function bytesOf(request: Request, maxBytes: number) {
  const length = request.headers.get('content-length')
  // A length that is sent twice is a list and not a number.
  if (length !== null && !(Number(length) <= maxBytes)) throw new AuthError('PAYLOAD_TOO_LARGE')
  // Reading `body` creates a stream, which costs more than all the rest of a request.
  return length === null ? request.body && collect(request.body, maxBytes) : request.bytes()
}

async function collect(stream: ReadableStream<Uint8Array>, maxBytes: number) {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > maxBytes) throw new AuthError('PAYLOAD_TOO_LARGE')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export function isJson(c: AppContext) {
  return /^application\/json[ \t]*(;|$)/i.test(c.req.header('content-type') ?? '')
}

/** The body as JSON, `undefined` when there is none. @throws `INVALID_INPUT` when it is not JSON. */
export function readJson(c: AppContext): unknown {
  const body = bodyOf(c)
  if (body === '') return undefined
  try {
    return JSON.parse(body)
  } catch {
    throw unreadable('The body is not valid JSON.')
  }
}

const late = () => unreadable('The body did not arrive in time.')
const unreadable = (message: string) => invalid('', message)
