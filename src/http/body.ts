import type { MiddlewareHandler } from 'hono'
import { bodyLimit as honoBodyLimit } from 'hono/body-limit'
import { AuthError } from '../errors.ts'
import type { AppContext, AppEnv } from './context.ts'

const KIB = 1024
const LIMITS = { graphql: 32 * KIB, rest: 8 * KIB }

const tooLarge = () => {
  throw new AuthError('PAYLOAD_TOO_LARGE')
}

/** Counts a body before anything reads it, whatever its length header says; none is decompressed. */
export function bodyLimit(): MiddlewareHandler<AppEnv> {
  const graphql = honoBodyLimit({ maxSize: LIMITS.graphql, onError: tooLarge })
  const rest = honoBodyLimit({ maxSize: LIMITS.rest, onError: tooLarge })
  return async function bodyLimit(c, next) {
    const encoding = c.req.header('content-encoding')
    if (encoding && encoding.toLowerCase() !== 'identity') throw new AuthError('UNSUPPORTED_MEDIA_TYPE')
    return c.req.path === '/graphql' ? graphql(c, next) : rest(c, next)
  }
}

export function hasBody(c: AppContext) {
  return c.req.raw.body !== null
}

export function isJson(c: AppContext) {
  return /^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? '')
}

/** The body as JSON, `undefined` when there is none. @throws `INVALID_INPUT` when it is not JSON. */
export async function readJson(c: AppContext): Promise<unknown> {
  const text = await c.req.text()
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new AuthError('INVALID_INPUT', { fields: [{ path: '', message: 'The body is not valid JSON.' }] })
  }
}
