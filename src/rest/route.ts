import { z } from 'zod'
import type { Caller } from '../contract/caller.ts'
import { isRecord } from '../contract/json.ts'
import { type Endpoint, fieldLocationsOf } from '../contract/operation.ts'
import { parse } from '../contract/parse.ts'
import { invalidFields, unauthenticated } from '../errors.ts'
import { answer, headersOf } from '../http/answer.ts'
import type { AppContext } from '../http/context.ts'
import type { Handler } from '../http/pipeline.ts'
import { readJson } from '../http/request/body.ts'
import { isForm } from '../http/request/content-type.ts'
import { readForm, readQuery } from '../http/request/parameters.ts'
import { createQueryConverter, toParameterName } from './query.ts'

/** A handler with the operation that it serves, for the OpenAPI document, the metrics and the traces. */
export type Documented = { operationName: string; endpoint: Endpoint }

type Act = (input: never, caller: Caller) => unknown

/** A handler that parses the input, calls `act` and answers, as the definition of the operation says. */
export function route(operationName: string, endpoint: Endpoint, act: Act): Handler & Documented {
  const read = createReader(endpoint)
  const respond = createResponder(endpoint)
  return documented(operationName, endpoint, (c) => {
    const result = act(read(c) as never, c.env.caller)
    return result instanceof Promise ? result.then((value) => respond(c, value)) : respond(c, result)
  })
}

/** A handler that answers by itself. */
export function documented(operationName: string, endpoint: Endpoint, handler: Handler) {
  return Object.assign(handler, { operationName, endpoint })
}

/** Collects the input from the path and from the body or the query, and parses it. */
function createReader(endpoint: Endpoint): (c: AppContext) => unknown {
  const { input, credentials, rest } = endpoint
  if (!input) return rest.method === 'GET' ? () => undefined : refuseFields
  const { path, query } = fieldLocationsOf(endpoint)
  const toInput = query.length > 0 ? createQueryConverter(input) : undefined
  const takesBearerSecret = credentials?.includes('refreshToken')

  function readInput(c: AppContext): unknown {
    if (toInput) return toInput(readQuery(c))
    return rest.takesForm && isForm(c) ? readForm(c) : readFields(c)
  }

  return (c) => {
    const found = readInput(c)
    const given = path.length > 0 ? withPath(found ?? {}, c.req.param()) : found
    const parsed = parse(input, given, toInput && toParameterName)
    return takesBearerSecret ? withBearerSecret(parsed as object, c.env.caller) : parsed
  }
}

/** A body that is null counts as none. */
const readFields = (c: AppContext) => readJson(c) ?? undefined

const NO_FIELDS = z.strictObject({})

function refuseFields(c: AppContext) {
  parse(NO_FIELDS, readFields(c) ?? {})
}

/** @throws `INVALID_INPUT` for a field that the body has with another value than the path, and that would be ignored */
function withPath(found: unknown, parameters: Record<string, string>) {
  if (!isRecord(found)) return found
  const differing = Object.keys(parameters).filter(
    (name) => Object.hasOwn(found, name) && found[name] !== parameters[name],
  )
  if (differing.length > 0)
    throw invalidFields(differing.map((path) => ({ path, message: 'Differs from the path.' })))
  return { ...found, ...parameters }
}

/** REST also accepts a refresh token as the bearer. A bearer with dots is an access token. */
function withBearerSecret(input: { refreshToken?: string | null }, { bearer }: Caller) {
  if (input.refreshToken || !bearer || bearer.includes('.')) return input
  return { ...input, refreshToken: bearer }
}

/** Writes the answer. The same object, such as a cached user, is not serialised again. */
function createResponder({ rest }: Endpoint): (c: AppContext, result: unknown) => Response {
  const { status, wrap, cacheSeconds } = rest
  if (status === 202 || status === 204) return (c) => answer(c, null, status)
  const texts = new WeakMap<object, string>()

  function serialize(result: object) {
    const text = texts.get(result) ?? JSON.stringify(result)
    texts.set(result, text)
    return text
  }

  return (c, result) => {
    // REST has no null. The only operation that returns null is `me` without credentials.
    if (result === null) throw unauthenticated('MISSING')
    if (cacheSeconds) headersOf(c).set('Cache-Control', `public, max-age=${cacheSeconds}`)
    const text = wrap ? JSON.stringify({ [wrap.member]: result }) : serialize(result as object)
    return answer(c, text, status, 'application/json')
  }
}
