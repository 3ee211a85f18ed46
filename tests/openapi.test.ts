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
