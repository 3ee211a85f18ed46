import { describe, expect, test } from 'vitest'
import { account, codeOf, JSON_TYPE } from './support/client.ts'
import { type Server, startServer, useServer } from './support/server.ts'

const login = JSON.stringify(account())

const server = useServer()

const post = (path: string, headers: Record<string, string>, body: BodyInit = login) =>
  server.fetch(path, { method: 'POST', headers, body })

describe('every answer', () => {
  test.each(['/health', '/auth/me', '/nowhere', '/graphql'])(
    'the answer of %s has the security headers',
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

  test('an answer has the request id that a proxy sent, unless it is malformed', async () => {
    const kept = await server.fetch('/health', { headers: { 'x-request-id': 'abc-123' } })
    const replaced = await server.fetch('/health', { headers: { 'x-request-id': 'a b' } })

    expect(kept.headers.get('x-request-id')).toBe('abc-123')
    expect(replaced.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/)
  })

  test('the headers of one answer are never those of another', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `id-${i}`)
    const answers = await Promise.all([
      ...ids.map((id) => server.fetch('/health', { headers: { 'x-request-id': id } })),
      server.fetch('/auth/me', { method: 'PATCH', headers: JSON_TYPE, body: '{}' }),
      post('/graphql', JSON_TYPE, '{'),
      post('/auth/logout', JSON_TYPE, ''),
      server.fetch('/auth/me', { headers: { origin: 'https://app.example.com' } }),
    ])
    const last = await server.fetch('/health', { headers: { 'x-request-id': 'last' } })
    answers[0].headers.set('Connection', 'close')
    const afterwards = await server.fetch('/health', { headers: { 'x-request-id': 'id-0' } })

    expect(answers.slice(0, 50).map(({ headers }) => headers.get('x-request-id'))).toEqual(ids)
    for (const { headers } of [last, afterwards]) {
      expect([...headers.keys()].sort()).toEqual([
        'cache-control',
        'content-security-policy',
        'content-type',
        'cross-origin-opener-policy',
        'cross-origin-resource-policy',
        'referrer-policy',
        'strict-transport-security',
        'vary',
        'x-content-type-options',
        'x-frame-options',
        'x-request-id',
      ])
    }
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
  ])('the path %s is NOT_FOUND', async (path) => {
    for (const method of ['GET', 'POST']) {
      const response = await server.fetch(path, { method, headers: JSON_TYPE })
      expect(response.status).toBe(404)
      expect(await codeOf(response)).toBe('NOT_FOUND')
    }
  })

  test.each([
    ['GET', '/auth/login', 'POST'],
    ['POST', '/auth/me', 'GET, HEAD, PUT, DELETE'],
    ['PATCH', '/auth/me', 'GET, HEAD, PUT, DELETE'],
    ['GET', '/graphql', 'POST'],
    ['DELETE', '/graphql', 'POST'],
    ['POST', '/health', 'GET, HEAD'],
  ])('%s %s is METHOD_NOT_ALLOWED', async (method, path, allow) => {
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
  ])('a body for %s has at most %i KiB, chunked or not', async (path, kib) => {
    const sizes = [kib * 1024, kib * 1024 + 1]

    const [fits, exceeds] = await Promise.all(sizes.map((size) => post(path, JSON_TYPE, ' '.repeat(size))))
    const streamed = await post(path, JSON_TYPE, chunked(kib * 1024 + 1024))

    expect(fits?.status).toBe(400)
    expect([exceeds?.status, streamed.status]).toEqual([413, 413])
    expect(await codeOf(streamed)).toBe('PAYLOAD_TOO_LARGE')
  })

  test('a compressed body is refused', async () => {
    const response = await post('/auth/login', { ...JSON_TYPE, 'content-encoding': 'gzip' })

    expect(await codeOf(response)).toBe('UNSUPPORTED_MEDIA_TYPE')
  })

  test('a body that is not UTF-8 is refused', async () => {
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
    'the body %j is INVALID_INPUT at every path that needs a body',
    async (body) => {
      for (const path of ['/auth/login', '/auth/register', '/graphql']) {
        const response = await post(path, JSON_TYPE, body)
        expect([path, response.status, await codeOf(response)]).toEqual([path, 400, 'INVALID_INPUT'])
      }
    },
  )
})

test('what is missing is named in the same words by both adapters', async () => {
  const fields = [{ path: 'password', message: 'Is required.' }]
  const rest = await post('/auth/login', JSON_TYPE, '{"email":"a@example.com"}')
  const graphql = await server.askGraphQL({
    query: 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }',
    variables: { input: { email: 'a@example.com' } },
  })
  const nothing = await post('/auth/login', JSON_TYPE, '')

  expect(await rest.json()).toMatchObject({ fields })
  expect(await graphql.json()).toMatchObject({ errors: [{ extensions: { fields } }] })
  expect(await nothing.json()).toMatchObject({ fields: [{ path: '', message: 'Is required.' }] })
})

test('the IP address comes from the socket, or from a trusted proxy’s list, right to left', async () => {
  const proxied = await startServer({ TRUSTED_PROXIES: '192.0.2.0/24, 10.0.0.0/8' })
  const addressFor = async (from: Server, forwarded: string) => {
    const { data } = await from
      .client()
      .call('register', { ...account(), transport: 'TOKEN' }, { headers: { 'x-forwarded-for': forwarded } })
    return data?.session.ipAddress
  }

  expect(await addressFor(server, '203.0.113.9')).toBe('192.0.2.1')
  expect(await addressFor(proxied, '198.51.100.7, 203.0.113.9, 10.1.2.3')).toBe('203.0.113.9')
  expect(await addressFor(proxied, '203.0.113.9, nonsense')).toBe('192.0.2.1')
  expect(await addressFor(proxied, '[2001:db8::1]:4711')).toBe('2001:db8::1')
  expect(await addressFor(proxied, `fe80::1%${'z'.repeat(300)}`)).toBe('fe80::1')
})
