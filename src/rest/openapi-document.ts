import { Hono } from 'hono'
import { describeRoute, generateSpecs, resolver, validator } from 'hono-openapi'
import { refusalsOf, refusalTable } from './problems.ts'
import type { Documented, Operation, Tag } from './route.ts'

type Route = { method: string; path: string; handler: unknown }
type Settings = { url: string; cookieName: string }

const TAGS: Record<Tag, string> = {
  'Signing in': 'From nobody to a session and back.',
  Account: 'The signed-in user’s own.',
  'By mail': 'For whoever holds the mailbox; these need no session.',
  'Sessions and events': 'Where the user is signed in, and what happened.',
  Server: 'For machines.',
}

const DESCRIPTION = `E-mail and password accounts, sessions and tokens. JSON in, JSON out.

**Browsers** sign in with transport \`COOKIE\`, the default: the secret of the session lives in an HttpOnly cookie. Pages
of other origins must be listed by the server, and \`content-type: application/json\` goes with every request that changes
something. **Everybody else** signs in with \`TOKEN\`, sends \`accessToken\` as the bearer, and refreshes when it is refused
as \`EXPIRED\`.

A refusal is a problem (RFC 9457) with a \`code\` of a closed set: go by the code, the title is for people. A path that is
not there is \`NOT_FOUND\`; a method that a path does not have is \`METHOD_NOT_ALLOWED\`, with an \`Allow\` header. A body may
have 8 KiB.`

const ANY_HEADERS = { 'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' } }

/** The OpenAPI document of those routes that say which operation they are. */
export async function describe(routes: Route[], { url, cookieName }: Settings) {
  // The library looks at routes of its own, so that nothing of it is in the way of a request.
  const described = new Hono()
  const operations: [string, string, Operation][] = []
  for (const { method, path, handler } of routes) {
    const { operation } = handler as Partial<Documented>
    if (operation) operations.push([method, path, operation])
  }
  for (const [method, path, operation] of operations) {
    const { input, inputIn } = operation
    const parameters = input && inputIn ? [validator(inputIn === 'path' ? 'param' : 'query', input)] : []
    described.on(method, path, describeRoute(specOf(operation, method)), ...parameters)
  }
  return generateSpecs(described, {
    excludeStaticFile: false,
    defaultValidationErrorResponse: false,
    documentation: {
      info: {
        title: 'Servauth',
        // The contract's own version: which release answers is nobody's business.
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
            description: 'The server’s log has the request under it.',
            required: true,
            schema: { type: 'string', examples: ['5f0c2a1e-7b1d-4c7e-9a55-2f6f0a6a9d3b'] },
          },
        },
        responses: refusalTable(
          operations.flatMap(([method, , operation]) => refusalsOf(operation, method)),
          ANY_HEADERS,
        ),
      },
    },
  } as Parameters<typeof generateSpecs>[1])
}

function specOf(operation: Operation, method: string) {
  const { id, tag, summary, description, input, inputIn } = operation
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    security: securityOf(operation),
    ...(input && !inputIn && { requestBody: requestBodyOf(operation) }),
    responses: {
      [operation.status]: successOf(operation),
      ...Object.fromEntries(
        refusalsOf(operation, method).map(({ status, name }) => [
          status,
          { $ref: `#/components/responses/${name}` },
        ]),
      ),
    },
  } as Parameters<typeof describeRoute>[0]
}

function requestBodyOf({ input, example }: Operation) {
  return {
    required: !input?.safeParse(undefined).success,
    content: { 'application/json': { schema: input && resolver(input), example } },
  }
}

function successOf({ answer, cookie, cacheSeconds, status }: Operation) {
  const header = (description: string, example: string) => ({
    description,
    schema: { type: 'string', examples: [example] },
  })
  return {
    description: SUCCESSES[status],
    headers: {
      ...ANY_HEADERS,
      ...(cacheSeconds && {
        'Cache-Control': header('How long it may be kept.', `public, max-age=${cacheSeconds}`),
      }),
      ...(cookie === 'set' && {
        'Set-Cookie': header(
          'The secret of a session of transport `COOKIE`, when there is a new one.',
          'servauth=…; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax',
        ),
      }),
      ...(cookie === 'cleared' && {
        'Set-Cookie': header(
          'Takes the cookie back, when it came along.',
          'servauth=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax',
        ),
      }),
    },
    ...(answer && {
      content: { 'application/json': { schema: resolver(answer, { options: { io: 'output' } }) } },
    }),
  }
}

const SUCCESSES = {
  200: 'Done.',
  201: 'The account is made.',
  202: 'Taken; a mail goes out if there is whom to send it to.',
  204: 'Done; there is nothing to say.',
}

function securityOf({ credentials = [], credentialsOptional }: Operation) {
  return [...(credentialsOptional ? [{}] : []), ...credentials.map((name) => ({ [name]: [] }))]
}

function securitySchemes(cookieName: string) {
  return {
    bearer: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'An access token. It goes before the cookie.',
    },
    cookie: {
      type: 'apiKey',
      in: 'cookie',
      name: cookieName,
      description: 'Set by a sign-in with transport `COOKIE`.',
    },
    refreshToken: {
      type: 'http',
      scheme: 'bearer',
      description: 'The refresh token of a session of transport `TOKEN`.',
    },
  }
}
