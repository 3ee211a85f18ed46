import type { MiddlewareHandler } from 'hono'
import { AuthError } from '../errors.ts'
import type { AppContext, AppEnv } from './context.ts'

const KIB = 1024
const MOST_BYTES = { graphql: 32 * KIB, rest: 8 * KIB }
/** How long a body may take to arrive. */
const ARRIVAL_MS = 10_000

/** Reads a body whole before anything else sees it: counted whatever its length header says, within a time, not decompressed. */
export function body(): MiddlewareHandler<AppEnv> {
  return async function body(c, next) {
    const encoding = c.req.header('content-encoding')
    if (encoding && encoding.toLowerCase() !== 'identity') throw new AuthError('UNSUPPORTED_MEDIA_TYPE')
    c.set('body', await read(c.req.raw, c.req.path === '/graphql' ? MOST_BYTES.graphql : MOST_BYTES.rest))
    return next()
  }
}

async function read(request: Request, most: number): Promise<string> {
  if (request.body === null) return ''
  const length = request.headers.get('content-length')
  if (Number(length) > most) throw new AuthError('PAYLOAD_TOO_LARGE')

  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unreadable('The body did not arrive in time.')), ARRIVAL_MS)
  })
  try {
    return await Promise.race([length === null ? count(request.body, most) : request.text(), late])
  } catch (fault) {
    // A client that leaves in the middle has nobody to be told.
    throw fault instanceof AuthError ? fault : unreadable('The body did not arrive whole.')
  } finally {
    clearTimeout(timer)
  }
}

async function count(stream: ReadableStream<Uint8Array>, most: number) {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > most) throw new AuthError('PAYLOAD_TOO_LARGE')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export function isJson(c: AppContext) {
  return /^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? '')
}

/** The body as JSON, `undefined` when there is none. @throws `INVALID_INPUT` when it is not JSON. */
export function readJson(c: AppContext): unknown {
  if (c.var.body === '') return undefined
  try {
    return JSON.parse(c.var.body)
  } catch {
    throw unreadable('The body is not valid JSON.')
  }
}

function unreadable(message: string) {
  return new AuthError('INVALID_INPUT', { fields: [{ path: '', message }] })
}
