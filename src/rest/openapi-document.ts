import { Hono } from 'hono'
import { describeRoute, generateSpecs, resolver, validator } from 'hono-openapi'
import { z } from 'zod'
import { type Endpoint, fieldLocationsOf, objectIn, type Tag } from '../contract/operation.ts'
import type { Route } from '../http/context.ts'
import { outputSchema } from './output-schema.ts'
import { refusalsOf, refusalTable } from './problems.ts'

type Settings = { url: string; cookieName: string }

const TAGS: Record<Tag, string> = {
  'Signing in': 'How a session begins, continues and ends.',
  'Second factor': 'What a sign-in needs besides the password.',
  Passkeys: 'Sign-in with the device of the user, by WebAuthn.',
  Account: 'The account of the signed-in user.',
  'By mail': 'For the owner of a mailbox. These need no session.',
  'Sessions and events': 'Where the user is signed in, and what happened to the account.',
  Administration: 'For users with a role that allows it, and for services with such a key.',
  Services: 'For services that accept access tokens.',
  Server: 'For machines.',
}

const DESCRIPTION = `Accounts with e-mail address and password, sessions and tokens. JSON in, JSON out.

**Browsers** sign in with transport \`COOKIE\`, the default: an HttpOnly cookie holds the secret of the session. The
operator must list the origins of other pages, and every request that changes something has
\`content-type: application/json\`. **All other clients** sign in with \`TOKEN\`, send \`accessToken\` as the bearer, and
refresh when it is refused as \`EXPIRED\`.

A refusal is a problem (RFC 9457) with a \`code\` of a closed set. Programs read the code; the title is for people. An
unknown path is \`NOT_FOUND\`; a method that a path does not have is \`METHOD_NOT_ALLOWED\`, with an \`Allow\` header. A
body may have 8 KiB.`

const ANY_HEADERS = { 'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' } }

/** The OpenAPI document of all routes that name their operation. */
export async function describe(routes: Route[], { url, cookieName }: Settings) {
  // The library gets its own routes, so that no request passes through it.
  const described = new Hono()
  const served = routes.flatMap(({ method, path, operationName, endpoint }) =>
    operationName && endpoint ? [{ method, path, operationName, endpoint }] : [],
  )
  for (const { method, path, operationName, endpoint } of served) {
    described.on(
      method,
      path,
      describeRoute(specOf(operationName, endpoint)),
      ...parametersOf(endpoint).map(({ target, schema }) => validator(target, schema)),
    )
  }
  return generateSpecs(described, {
    excludeStaticFile: false,
    defaultValidationErrorResponse: false,
    documentation: {
      info: {
        title: 'Servauth',
        // The version of the contract. The version of the server stays private.
        version: '1.0.0',
        description: DESCRIPTION,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: securitySchemes(cookieName),
        headers: {
          'X-Request-Id': {
            description: 'The name of the request in the log of the server.',
            required: true,
            schema: { type: 'string', examples: ['5f0c2a1e-7b1d-4c7e-9a55-2f6f0a6a9d3b'] },
          },
        },
        responses: refusalTable(
          served.flatMap(({ endpoint }) => refusalsOf(endpoint)),
          ANY_HEADERS,
        ),
      },
    },
  } as Parameters<typeof generateSpecs>[1])
}

/** The parameters of path and query. `requestBodyOf` describes the fields of the body. */
function parametersOf(endpoint: Endpoint) {
  const { path, query, body } = fieldLocationsOf(endpoint)
  const { input } = endpoint
  if (!input) return []
  const only = (fields: string[]) => (body.length > 0 ? pick(objectIn(input), fields) : input)
  return [
    ...(path.length > 0 ? [{ target: 'param' as const, schema: only(path) }] : []),
    ...(query.length > 0 ? [{ target: 'query' as const, schema: only(query) }] : []),
  ]
}

function pick({ shape }: z.ZodObject, fields: string[]) {
  return z.strictObject(Object.fromEntries(Object.entries(shape).filter(([name]) => fields.includes(name))))
}

function specOf(operationId: string, endpoint: Endpoint) {
  const { tag, summary, description, rest } = endpoint
  return {
    operationId,
    tags: [tag],
    summary,
    description,
    security: securityOf(endpoint),
    ...(fieldLocationsOf(endpoint).body.length > 0 && { requestBody: requestBodyOf(endpoint) }),
    responses: {
      [rest.status]: successOf(endpoint),
      ...Object.fromEntries(
        refusalsOf(endpoint).map(({ status, name }) => [status, { $ref: `#/components/responses/${name}` }]),
      ),
    },
  } as Parameters<typeof describeRoute>[0]
}

function requestBodyOf(endpoint: Endpoint) {
  const { input, example } = endpoint
  const { path, body } = fieldLocationsOf(endpoint)
  const schema = input && path.length > 0 ? pick(objectIn(input), body) : input
  return {
    required: !input?.safeParse(undefined).success,
    content: Object.fromEntries(
      ['application/json', ...(endpoint.rest.takesForm ? ['application/x-www-form-urlencoded'] : [])].map(
        (type) => [type, { schema: schema && resolver(schema), example: ofBody(example, path) }],
      ),
    ),
  }
}

/** The example of an input without the fields of the path. */
function ofBody(example: unknown, path: string[]) {
  if (path.length === 0) return example
  return Object.fromEntries(Object.entries(example as object).filter(([name]) => !path.includes(name)))
}

function successOf(endpoint: Endpoint) {
  const { cookie, cacheSeconds, status, mediaType = 'application/json' } = endpoint.rest
  const body = bodySchemaOf(endpoint)
  const header = (description: string, example: string) => ({
    description,
    schema: { type: 'string', examples: [example] },
  })
  return {
    description: SUCCESSES[status],
    headers: {
      ...ANY_HEADERS,
      ...(cacheSeconds && {
        'Cache-Control': header('How long a client may keep the answer.', `public, max-age=${cacheSeconds}`),
      }),
      ...(cookie === 'set' && {
        'Set-Cookie': header(
          'The new secret of a session with transport `COOKIE`, if it has changed.',
          'servauth=…; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax',
        ),
      }),
      ...(cookie === 'device' && {
        'Set-Cookie': header(
          'Marks the browser as one of the account. It authenticates nothing.',
          'servauth-device=…; Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax',
        ),
      }),
      ...(cookie === 'cleared' && {
        'Set-Cookie': header(
          'Deletes the cookie, if the request had it.',
          'servauth=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax',
        ),
      }),
    },
    ...(body && {
      content: { [mediaType]: { schema: outputSchema(body) } },
    }),
  }
}

function bodySchemaOf({ output, rest: { status, wrap } }: Endpoint) {
  if (!output || status === 202 || status === 204) return undefined
  if (wrap) return z.strictObject({ [wrap.member]: output }).meta({ id: wrap.id })
  // A null becomes UNAUTHENTICATED over REST.
  return output instanceof z.ZodNullable ? (output.unwrap() as z.ZodType) : output
}

const SUCCESSES = {
  200: 'Done.',
  201: 'The account is created.',
  202: 'Accepted. A mail is sent if there is an account to send it to.',
  204: 'Done. The answer has no body.',
}

function securityOf({ credentials = [], credentialsOptional, permission }: Endpoint) {
  const scopesOf = (name: string) => (name === 'serviceKey' && permission ? [permission] : [])
  return [...(credentialsOptional ? [{}] : []), ...credentials.map((name) => ({ [name]: scopesOf(name) }))]
}

function securitySchemes(cookieName: string) {
  return {
    bearer: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'An access token. With both a bearer and a cookie, the bearer counts.',
    },
    cookie: {
      type: 'apiKey',
      in: 'cookie',
      name: cookieName,
      description: 'Set by a sign-in with transport `COOKIE`.',
    },
    serviceKey: {
      type: 'http',
      scheme: 'bearer',
      description: 'A service key, which the operator creates. Basic with its name as the user works too.',
    },
    refreshToken: {
      type: 'http',
      scheme: 'bearer',
      description: 'The refresh token of a session with transport `TOKEN`.',
    },
  }
}
