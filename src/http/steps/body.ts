import { createDeadline } from '../../deadline.ts'
import { AuthError, invalid } from '../../errors.ts'
import { headersOf } from '../answer.ts'
import type { RequestContext } from '../context.ts'
import type { Step } from '../pipeline.ts'
import { leaveBodyUnread } from '../request/body.ts'
import { adapterOf } from '../request/operation.ts'

const KIB = 1024
export const MAX_BODY_BYTES = { graphql: 32 * KIB, rest: 8 * KIB }
/** How long a body may take to arrive. */
export const MAX_BODY_MS = 10_000
/**
 * How much of a refused body is received and discarded. If a server closes a connection while a body arrives, a proxy loses the
 * answer, and its client gets 502. By default, nginx lets through as much.
 */
export const MAX_DISCARDED_BYTES = 1024 * KIB

/** A body has no meaning with these methods (RFC 9110, section 9.3), and Bun does not pass it on. */
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'TRACE'])

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads the whole body before any later step: within a size and a time, and without decompression. A refusal closes the
 * connection, because its client could send for ever.
 */
export function body(): Step {
  const inTime = createDeadline(MAX_BODY_MS)

  return function body(c, next) {
    if (WITHOUT_BODY.has(c.method)) {
      leaveBodyUnread(c)
      c.body = ''
      return next(c)
    }
    // Not `await`: each further promise costs every request with a body.
    return inTime(readBytes(c), timeout).then(
      (bytes) => {
        c.body = bytes ? decode(bytes) : ''
        return next(c)
      },
      (fault: unknown) => {
        headersOf(c).set('Connection', 'close')
        throw fault instanceof AuthError ? fault : invalid('', 'The body did not arrive whole.')
      },
    )
  }
}

/** The body as it was sent, null if there is none. Rejects if it is refused by its headers or size. */
function readBytes(c: RequestContext): Promise<Uint8Array | null> {
  const { request } = c
  const maxBytes = MAX_BODY_BYTES[adapterOf(c)]
  const length = c.header('content-length')
  if (length !== undefined && !/^\d+$/.test(length))
    return Promise.reject(invalid('', 'The request has more than one Content-Length.'))
  const encoding = c.header('content-encoding')
  if (encoding && encoding.toLowerCase() !== 'identity') {
    const detail = 'Send the body without Content-Encoding.'
    return refuse(request, length, new AuthError('UNSUPPORTED_MEDIA_TYPE', { detail }))
  }
  // Reading `body` creates a stream, which costs more than all the rest of a request.
  if (length === undefined) return request.body ? collect(request.body, maxBytes) : Promise.resolve(null)
  if (Number(length) > maxBytes) return refuse(request, length, new AuthError('PAYLOAD_TOO_LARGE'))
  return request.bytes()
}

/** Rejects with the refusal, after the body has arrived. It does not wait for one that is known to be too long to discard. */
async function refuse({ body }: Request, length: string | undefined, refusal: AuthError): Promise<never> {
  if (body && Number(length ?? 0) <= MAX_DISCARDED_BYTES) await collect(body, 0).catch(() => {})
  throw refusal
}

function decode(bytes: Uint8Array) {
  try {
    return utf8.decode(bytes)
  } catch {
    throw invalid('', 'The body is not UTF-8.') // RFC 8259, section 8.1
  }
}

async function collect(stream: ReadableStream<Uint8Array>, maxBytes: number) {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > MAX_DISCARDED_BYTES) break
    if (size <= maxBytes) chunks.push(chunk)
    else chunks.length = 0
  }
  if (size > maxBytes) throw new AuthError('PAYLOAD_TOO_LARGE')
  return Buffer.concat(chunks)
}

const timeout = () => new AuthError('REQUEST_TIMEOUT')
