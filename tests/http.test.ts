import { beforeAll, describe, expect, test } from 'vitest'
import { account } from './support/client.ts'
import { ORIGIN, startServer } from './support/server.ts'

const APP = 'https://app.example.com'
const JSON_TYPE = { 'content-type': 'application/json' }
const login = JSON.stringify(account())

let server: Awaited<ReturnType<typeof startServer>>
beforeAll(async () => {
  server = await startServer({ ALLOWED_ORIGINS: APP })
})

const post = (path: string, headers: Record<string, string> = {}, body: BodyInit | null = login) =>
  server.fetch(path, { method: 'POST', headers, body })
const codeOf = async (response: Response) => {
  const body = await response.json()
  return body.code ?? body.errors?.[0]?.extensions?.code
}

describe('the CSRF rule', () => {
  const query = JSON.stringify({ query: '{ me { id } }' })

  test.each([
    ['same-origin', { 'sec-fetch-site': 'same-origin' }],
    ['our own origin', { origin: ORIGIN }],
    ['a listed origin', { origin: APP, 'sec-fetch-site': 'cross-site' }],
    ['no browser', {}],
    ['an address typed by the user', { 'sec-fetch-site': 'none' }],
  ])('lets %s pass', async (_, headers) => {
    const rest = await post('/auth/login', { ...JSON_TYPE, ...headers })
    const graphql = await post('/graphql', { ...JSON_TYPE, ...headers }, query)

    expect([rest.status, graphql.status]).toEqual([401, 200])
  })

  test.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['another origin beside a bearer', { origin: 'https://evil.example', authorization: 'Bearer x' }],
    ['an origin that only begins like ours', { origin: `${ORIGIN}.evil.example` }],
    ['our host over http', { origin: 'http://auth.example.com' }],
    ['an opaque origin', { origin: 'null' }],
    ['cross-site without an origin', { 'sec-fetch-site': 'cross-site' }],
    ['same-site without an origin', { 'sec-fetch-site': 'same-site' }],
  ])('refuses %s on every unsafe operation', async (_, headers) => {
    const answers = await Promise.all([
      post('/auth/login', { ...JSON_TYPE, ...headers }),
      post('/auth/register', { ...JSON_TYPE, ...headers }),
      post('/auth/refresh', { ...JSON_TYPE, ...headers }, null),
      post('/graphql', { ...JSON_TYPE, ...headers }, query),
    ])

    for (const answer of answers) {
      expect(answer.status).toBe(403)
      expect(await codeOf(answer)).toBe('FORBIDDEN_ORIGIN')
    }
  })

  test('without a browser, the cookie needs the JSON content type', async () => {
    const client = server.client('REST', 'COOKIE')
    await client.register()
    const cookie = client.kept.cookie ?? ''

    const bare = await post('/auth/refresh', { cookie }, null)
    const typed = await post('/auth/refresh', { cookie, ...JSON_TYPE }, null)
    const listedOrigin = await post('/auth/refresh', { cookie, origin: APP }, null)

    expect([bare.status, typed.status, listedOrigin.status]).toEqual([403, 200, 200])
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    '',
  ])('refuses a body of type %j', async (type) => {
    const answers = await Promise.all([
      post('/auth/login', { 'content-type': type }),
      post('/graphql', { 'content-type': type }, query),
    ])

    for (const answer of answers) expect(await codeOf(answer)).toBe('UNSUPPORTED_MEDIA_TYPE')
  })
})

describe('CORS', () => {
  const preflight = (origin: string) =>
    server.fetch('/graphql', {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    })

  test('tells a listed origin what it may do, credentials included', async () => {
    const { headers, status } = await preflight(APP)

    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe(APP)
    expect(headers.get('access-control-allow-credentials')).toBe('true')
    expect(headers.get('access-control-allow-methods')).toBe('GET,POST,PUT,DELETE,OPTIONS')
    expect(headers.get('access-control-allow-headers')).toBe('authorization,content-type')
    expect(headers.get('access-control-max-age')).toBe('600')
    expect(headers.get('vary')).toContain('Origin')
  })

  test('tells no other origin anything', async () => {
    const answers = await Promise.all([
      preflight('https://evil.example'),
      server.fetch('/health', { headers: { origin: 'https://evil.example' } }),
      server.fetch('/health', { headers: { origin: 'null' } }),
    ])

    for (const { headers } of answers) {
      expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
      expect(headers.get('vary')).toContain('Origin')
    }
  })

  test('lets a listed origin read errors too', async () => {
    const { headers, status } = await server.fetch('/auth/me', { headers: { origin: APP } })

    expect(status).toBe(401)
    expect(headers.get('access-control-allow-origin')).toBe(APP)
    expect(headers.get('vary')).toContain('Origin')
  })
})

describe('every answer', () => {
  test.each(['/health', '/auth/me', '/nowhere', '/graphql'])(
    'of %s carries the security headers',
    async (path) => {
      const { headers } = await server.fetch(path)

      expect(Object.fromEntries(headers)).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
        'strict-transport-security': expect.stringContaining('max-age='),
        'cross-origin-resource-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        'x-request-id': expect.stringMatching(/^[\w-]{36}$/),
      })
      expect(headers.has('server')).toBe(false)
      expect(headers.has('x-powered-by')).toBe(false)
    },
  )

  test('carries the request id that a proxy gave, unless it is malformed', async () => {
    const kept = await server.fetch('/health', { headers: { 'x-request-id': 'abc-123' } })
    const replaced = await server.fetch('/health', { headers: { 'x-request-id': 'a b' } })

    expect(kept.headers.get('x-request-id')).toBe('abc-123')
    expect(replaced.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/)
  })
})

describe('paths and methods', () => {
  test.each([
    '/nowhere',
    '/auth',
    '/auth/',
    '/auth/me/',
    '/auth/login/',
    '/graphql/',
    '/AUTH/me',
    '/api/auth/sign-in/email',
  ])('%s is not there', async (path) => {
    for (const method of ['GET', 'POST']) {
      const response = await server.fetch(path, { method, headers: JSON_TYPE })
      expect(response.status).toBe(404)
      expect(await codeOf(response)).toBe('NOT_FOUND')
    }
  })

  test.each([
    ['GET', '/auth/login', 'POST'],
    ['POST', '/auth/me', 'GET, PUT, DELETE'],
    ['PATCH', '/auth/me', 'GET, PUT, DELETE'],
    ['GET', '/graphql', 'POST'],
    ['DELETE', '/graphql', 'POST'],
    ['POST', '/health', 'GET'],
  ])('%s %s is not allowed', async (method, path, allow) => {
    const response = await server.fetch(path, { method, headers: JSON_TYPE })

    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe(allow)
    expect(await codeOf(response)).toBe('METHOD_NOT_ALLOWED')
  })

  test('refusals of REST are problem details', async () => {
    const response = await server.fetch('/nowhere')

    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({
      type: 'about:blank',
      status: 404,
      code: 'NOT_FOUND',
      title: expect.any(String),
    })
  })
})

describe('bodies', () => {
  const chunked = (size: number) =>
    new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < size; sent += 1024) controller.enqueue(new Uint8Array(1024).fill(32))
        controller.close()
      },
    })

  test.each([
    ['/auth/login', 8],
    ['/graphql', 32],
  ])('of %s may have %i KiB, also when chunked', async (path, kib) => {
    const sizes = [kib * 1024, kib * 1024 + 1]

    const [fits, exceeds] = await Promise.all(sizes.map((size) => post(path, JSON_TYPE, ' '.repeat(size))))
    const streamed = await post(path, JSON_TYPE, chunked(kib * 1024 + 1024))

    expect(fits?.status).toBe(400)
    expect([exceeds?.status, streamed.status]).toEqual([413, 413])
    expect(await codeOf(streamed)).toBe('PAYLOAD_TOO_LARGE')
  })

  test('are not decompressed', async () => {
    const response = await post('/auth/login', { ...JSON_TYPE, 'content-encoding': 'gzip' })

    expect(await codeOf(response)).toBe('UNSUPPORTED_MEDIA_TYPE')
  })

  test('that are not UTF-8 are refused, not mended', async () => {
    const latin1 = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0))
    const query = JSON.stringify({ query: '{ me { id } }', variables: { a: 'pässword' } })

    const rest = await post(
      '/auth/login',
      JSON_TYPE,
      latin1('{"email":"a@example.com","password":"pässword"}'),
    )
    const graphql = await post('/graphql', JSON_TYPE, latin1(query))

    expect([await codeOf(rest), await codeOf(graphql)]).toEqual(['INVALID_INPUT', 'INVALID_INPUT'])
  })

  test.each(['', '{', 'null', '[]', '"text"', '1', '{"email":'])(
    '%j is INVALID_INPUT at every path that needs one',
    async (body) => {
      for (const path of ['/auth/login', '/auth/register', '/graphql']) {
        const response = await post(path, JSON_TYPE, body)
        expect([path, response.status, await codeOf(response)]).toEqual([path, 400, 'INVALID_INPUT'])
      }
    },
  )
})

describe('GraphQL over HTTP', () => {
  const ask = (body: unknown, headers = {}) =>
    post('/graphql', { ...JSON_TYPE, ...headers }, JSON.stringify(body))

  test.each([
    ['GRAPHQL_PARSE_FAILED', '{ me {'],
    ['GRAPHQL_VALIDATION_FAILED', '{ me { password } }'],
    ['GRAPHQL_VALIDATION_FAILED', '{ __schema { types { name } } }'],
    ['GRAPHQL_VALIDATION_FAILED', 'mutation { refresh }'],
  ])('answers %s with status 400', async (code, query) => {
    const response = await ask({ query })

    expect(response.status).toBe(400)
    const { errors, data } = await response.json()
    expect(errors[0].extensions).toEqual({ code })
    expect(data).toBeUndefined()
  })

  test('does not repeat the values of variables that do not fit', async () => {
    const query = 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }'

    const response = await ask({ query, variables: { input: { email: 5, password: 'a secret password' } } })
    const text = await response.text()

    expect(response.status).toBe(400)
    expect(text).toContain('"path":"email"')
    expect(text).not.toContain('a secret password')
  })

  test('does not take a field of a variable for the place of the fault', async () => {
    const query = 'mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) }'

    const response = await ask({ query, variables: { input: { token: { 'at "a.': 4711471147 } } } })
    const text = await response.text()

    expect(text).toContain('"path":"token"')
    expect(text).not.toContain('4711471147')
  })

  test.each([
    'mutation { login(input: "a secret password") { accessToken } }',
    'mutation { login(input: { email: ["a secret password"], password: "x" }) { accessToken } }',
    'mutation { login(input: { email: "a@example.com" "a secret password" }) { accessToken } }',
    'mutation { verifyEmail(input: { token: { a: "a secret password" } }) }',
    '"" "a secret password"',
  ])('does not repeat what stands where no value fits: %s', async (query) => {
    const response = await ask({ query })
    const text = await response.text()

    expect(response.status).toBe(400)
    expect(text).toContain('"line":1,"column":')
    expect(text).not.toContain('a secret password')
  })

  test('answers in the media type that was asked for', async () => {
    const query = { query: '{ me { id } }' }
    const standard = await ask(query, { accept: 'application/graphql-response+json' })
    const legacy = await ask(query, { accept: '*/*' })

    expect(standard.headers.get('content-type')).toBe('application/graphql-response+json; charset=utf-8')
    expect(legacy.headers.get('content-type')).toBe('application/json; charset=utf-8')
  })

  test('takes no batch', async () => {
    const response = await ask([{ query: '{ me { id } }' }])

    expect([response.status, await codeOf(response)]).toEqual([400, 'INVALID_INPUT'])
  })
})

test('an account address comes from the socket, or from a trusted proxy’s list, right to left', async () => {
  const proxied = await startServer({ TRUSTED_PROXIES: '192.0.2.0/24, 10.0.0.0/8' })
  const addressFor = async (from: typeof server, forwarded: string) => {
    const client = from.client('REST', 'TOKEN')
    const { data } = await client.call(
      'register',
      { ...account(), transport: 'TOKEN' },
      { headers: { 'x-forwarded-for': forwarded } },
    )
    return data?.session.ipAddress
  }

  expect(await addressFor(server, '203.0.113.9')).toBe('192.0.2.1')
  expect(await addressFor(proxied, '198.51.100.7, 203.0.113.9, 10.1.2.3')).toBe('203.0.113.9')
  expect(await addressFor(proxied, '203.0.113.9, nonsense')).toBe('192.0.2.1')
  expect(await addressFor(proxied, '[2001:db8::1]:4711')).toBe('2001:db8::1')
  expect(await addressFor(proxied, `fe80::1%${'z'.repeat(300)}`)).toBe('fe80::1')
})
