import { z } from 'zod'
import type { Caller } from '../contract/caller.ts'
import { isRecord } from '../contract/json.ts'
import { type Endpoint, fieldLocationsOf } from '../contract/operation.ts'
import { parse } from '../contract/parse.ts'
import { invalidFields, unauthenticated } from '../errors.ts'
import { answer, headersOf } from '../http/answer.ts'
import type { Handler, RequestContext, Route } from '../http/context.ts'
import { readJson } from '../http/request/body.ts'
import { isForm } from '../http/request/content-type.ts'
import { readForm, readQuery } from '../http/request/parameters.ts'
import { createQueryConverter, toParameterName } from './query.ts'

type Act = (input: never, caller: Caller) => unknown

/** The route of an endpoint that `act` serves. */
export function route(operationName: string, endpoint: Endpoint, act: Act) {
  return toRoute(operationName, endpoint, createHandler(endpoint, act))
}

/** The route of a handler that answers by itself. */
export function toRoute(operationName: string, endpoint: Endpoint, handler: Handler) {
  const { method, path } = endpoint.rest
  return { method, path, handler, operationName, endpoint } satisfies Route
}

/** Parses the input, calls `act` and answers, as the definition of the endpoint says. */
export function createHandler(endpoint: Endpoint, act: Act): Handler {
  const read = createReader(endpoint)
  const respond = createResponder(endpoint)
  return (c) => {
    const result = act(read(c) as never, c.caller)
    return result instanceof Promise ? result.then((value) => respond(c, value)) : respond(c, result)
  }
}

/** Collects the input from the path and from the body or the query, and parses it. */
function createReader(endpoint: Endpoint): (c: RequestContext) => unknown {
  const { input, credentials, rest } = endpoint
  if (!input) return rest.method === 'GET' ? () => undefined : refuseFields
  const { path, query } = fieldLocationsOf(endpoint)
  const toInput = query.length > 0 ? createQueryConverter(input) : undefined
  const takesBearerSecret = credentials?.includes('refreshToken')

  function readInput(c: RequestContext): unknown {
    if (toInput) return toInput(readQuery(c))
    return rest.takesForm && isForm(c) ? readForm(c) : readFields(c)
  }

  return (c) => {
    const found = readInput(c)
    const given = path.length > 0 ? withPath(found ?? {}, c.parameters()) : found
    const parsed = parse(input, given, toInput && toParameterName)
    return takesBearerSecret ? withBearerSecret(parsed as object, c.caller) : parsed
  }
}

/** A body that is null counts as none. */
const readFields = (c: RequestContext) => readJson(c) ?? undefined

const NO_FIELDS = z.strictObject({})

function refuseFields(c: RequestContext) {
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
function createResponder({ rest }: Endpoint): (c: RequestContext, result: unknown) => Response {
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
