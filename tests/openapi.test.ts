import { describe, expect, test } from 'vitest'
import { useServer } from './support/server.ts'

/** Routes that `schema.graphql` describes instead. */
const GRAPHQL = ['GET /graphql', 'POST /graphql', 'GET /schema.graphql']

const server = useServer()

const documented = () =>
  Object.entries(server.conformance.document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      ...operation,
    })),
  )

test('the document has every route and no others', () => {
  const routes = server.app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
    .filter((route) => !GRAPHQL.includes(route))

  expect(
    documented()
      .map(({ method, path }) => `${method} ${path}`)
      .sort(),
  ).toEqual(routes.sort())
})

test('the document is served in production, can be cached and names the server and its cookie', async () => {
  const response = await server.fetch('/openapi.json')
  const { openapi, servers, components } = await response.json()

  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.get('cache-control')).toBe('public, max-age=300')
  expect(openapi).toMatch(/^3\.1\./)
  expect(servers).toEqual([{ url: 'https://auth.example.com' }])
  expect(components.securitySchemes.cookie.name).toBe('__Host-servauth')
})

test('no pattern of the document needs classes of Unicode or surrogates, which not all readers know', () => {
  const patterns: string[] = []
  JSON.stringify(server.conformance.document, (key, value) => {
    if (key === 'pattern') patterns.push(String(value))
    return value
  })

  expect(patterns.length).toBeGreaterThan(50)
  expect(patterns.filter((pattern) => /\\p|\\ud[89a-f]/i.test(pattern))).toEqual([])
})

test('the examples of the document work one after the other', async () => {
  const exampleOf = (id: string) =>
    documented().find(({ operationId }) => operationId === id)?.requestBody?.content['application/json']
      .example
  let cookie = ''
  const statuses: [string, number][] = []
  for (const id of ['register', 'login', 'updateMe', 'refresh', 'changePassword', 'logout', 'login']) {
    const { method = '', path = '' } = documented().find(({ operationId }) => operationId === id) ?? {}
    const response = await server.fetch(path, {
      method,
      headers: { 'content-type': 'application/json', cookie },
      body: JSON.stringify(exampleOf(id)),
    })
    cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    statuses.push([id, response.status])
  }

  expect(statuses).toEqual([
    ['register', 201],
    ['login', 200],
    ['updateMe', 200],
    ['refresh', 200],
    ['changePassword', 200],
    ['logout', 204],
    // With the password from before the change.
    ['login', 401],
  ])
})

describe('the document suits generators of clients', () => {
  const readDocument = async () => (await server.fetch('/openapi.json')).json()

  /** All schemas of answers, with those that they refer to. */
  async function schemasOfAnswers() {
    const document = await readDocument()
    const found: Record<string, unknown>[] = []
    const seen = new Set<string>()
    function visit(value: unknown) {
      if (typeof value !== 'object' || value === null) return
      found.push(value as Record<string, unknown>)
      const { $ref } = value as { $ref?: string }
      const isNew = $ref && !seen.has($ref)
      if (isNew) {
        seen.add($ref)
        visit(
          $ref
            .slice(2)
            .split('/')
            .reduce((at, key) => at[key], document),
        )
      }
      for (const [name, member] of Object.entries(value)) if (!name.startsWith('example')) visit(member)
    }
    for (const path of Object.values<Record<string, { responses: object }>>(document.paths))
      for (const { responses } of Object.values(path)) visit(responses)
    return found
  }

  test('a client may get members that its document did not have', async () => {
    const schemas = await schemasOfAnswers()

    expect(schemas.length).toBeGreaterThan(1000)
    expect(schemas.filter(({ additionalProperties }) => additionalProperties === false)).toEqual([])
  })

  test('a value that may be null has one type, also a time', async () => {
    const { components } = await readDocument()
    const isScalar = ({ type }: { type?: unknown }) => ['string', 'integer'].includes(String(type))
    const unions = (await schemasOfAnswers()).filter(
      ({ anyOf }) => Array.isArray(anyOf) && anyOf.some(isScalar),
    )

    expect(unions).toEqual([])
    expect(components.schemas.ManagedUser.properties.disabledAt).toMatchObject({
      type: ['string', 'null'],
      format: 'date-time',
      description: 'When the account was disabled.',
    })
  })

  test('refusals with one status have a name, and their code tells them apart', async () => {
    const { components } = await readDocument()

    expect(components.responses.REFRESH_REUSED_or_UNAUTHENTICATED.content).toMatchObject({
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/RefreshReusedOrUnauthenticatedProblem' },
      },
    })
    expect(components.schemas.RefreshReusedOrUnauthenticatedProblem.discriminator).toEqual({
      propertyName: 'code',
      mapping: {
        REFRESH_REUSED: '#/components/schemas/RefreshReusedProblem',
        UNAUTHENTICATED: '#/components/schemas/UnauthenticatedProblem',
      },
    })
    expect(components.schemas.RefreshReusedProblem.properties.status).toEqual({ type: 'integer', const: 401 })
  })
})

describe('the check of an answer against the document', () => {
  const headers = { 'content-type': 'application/json', 'x-request-id': 'x' }
  const user = async () => (await server.registerUser()).user
  const problem = (code: string, status: number, more = {}) => ({
    type: 'about:blank',
    title: 'x',
    status,
    code,
    ...more,
  })
  const asProblem = { ...headers, 'content-type': 'application/problem+json' }

  test('a correct answer passes the check', async () => {
    const answer = Response.json(await user(), { headers })

    await expect(
      server.conformance.check({ method: 'GET', path: '/auth/me' }, answer),
    ).resolves.toBeUndefined()
  })

  test.each([
    ['a field too many', async () => Response.json({ ...(await user()), password: 'x' }, { headers })],
    ['a field too few', async () => Response.json({ ...(await user()), email: undefined }, { headers })],
    ['another type', async () => Response.json({ ...(await user()), createdAt: 0 }, { headers })],
    ['another status', async () => Response.json(await user(), { status: 201, headers })],
    [
      'another media type',
      async () => new Response('ok', { headers: { ...headers, 'content-type': 'text/plain' } }),
    ],
    [
      'a missing header',
      async () => Response.json(await user(), { headers: { 'content-type': 'application/json' } }),
    ],
    ['a cookie', async () => Response.json(await user(), { headers: { ...headers, 'set-cookie': 'a=b' } })],
    [
      'a code of another status',
      async () =>
        Response.json(problem('NOT_FOUND', 503, { retryAfter: 1 }), {
          status: 503,
          headers: { ...asProblem, 'retry-after': '1' },
        }),
    ],
    [
      'no Retry-After',
      async () =>
        Response.json(problem('SERVICE_UNAVAILABLE', 503, { retryAfter: 1 }), {
          status: 503,
          headers: asProblem,
        }),
    ],
    [
      'no reason',
      async () =>
        Response.json(problem('UNAUTHENTICATED', 401), {
          status: 401,
          headers: { ...asProblem, 'www-authenticate': 'Bearer' },
        }),
    ],
  ])('an answer with %s fails the check', async (_, answer) => {
    await expect(
      server.conformance.check({ method: 'GET', path: '/auth/me' }, await answer()),
    ).rejects.toThrow('does not allow')
  })
})
