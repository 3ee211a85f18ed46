import { createDeadline } from '../deadline.ts'
import { AuthError, invalid } from '../errors.ts'
import type { AppContext } from './context.ts'
import type { Step } from './life.ts'
import { doorOf } from './operation.ts'

const KIB = 1024
const MOST_BYTES = { graphql: 32 * KIB, rest: 8 * KIB }
/** How long a body may take to arrive. */
const ARRIVAL_MS = 10_000

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Reads a body whole before anything else sees it: bounded, whether it says its length or not, within a time, not decompressed. */
export function body(): Step {
  const inTime = createDeadline(ARRIVAL_MS)

  async function take(c: AppContext) {
    const encoding = c.req.header('content-encoding')
    if (encoding && encoding.toLowerCase() !== 'identity') throw new AuthError('UNSUPPORTED_MEDIA_TYPE')
    const most = MOST_BYTES[doorOf(c)]
    const bytes = bytesOf(c.req.raw, most)
    try {
      c.set('body', bytes ? utf8.decode(await inTime(bytes, late)) : '')
    } catch (fault) {
      // Not UTF-8 (RFC 8259, section 8.1), or a client that left in the middle.
      throw fault instanceof AuthError ? fault : unreadable('The body is not whole or not UTF-8.')
    }
  }

  return function body(c) {
    // Bodies of these methods mean nothing (RFC 9110, section 9.3.1), and Bun does not hand them on.
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return take(c)
    c.set('body', '')
  }
}

function bytesOf(request: Request, most: number) {
  const length = request.headers.get('content-length')
  // A length said twice is a list, and no number.
  if (length !== null && !(Number(length) <= most)) throw new AuthError('PAYLOAD_TOO_LARGE')
  // Looking at `body` makes a stream of it, which costs more than all the rest of a request.
  return length === null ? request.body && count(request.body, most) : request.bytes()
}

async function count(stream: ReadableStream<Uint8Array>, most: number) {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > most) throw new AuthError('PAYLOAD_TOO_LARGE')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export function isJson(c: AppContext) {
  return /^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? '')
}

/** The body as JSON, `undefined` when there is none. @throws `INVALID_INPUT` when it is not JSON. */
export function readJson(c: AppContext): unknown {
  if (c.get('body') === '') return undefined
  try {
    return JSON.parse(c.get('body'))
  } catch {
    throw unreadable('The body is not valid JSON.')
  }
}

const late = () => unreadable('The body did not arrive in time.')
const unreadable = (message: string) => invalid('', message)
