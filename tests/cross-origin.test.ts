import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createOrigins } from '../src/http/request/origins.ts'
import { account, codeOf, JSON_TYPE } from './support/client.ts'
import { ORIGIN, useServer } from './support/server.ts'

const APP = 'https://app.example.com'
const login = JSON.stringify(account())

const server = useServer({ ALLOWED_ORIGINS: APP })

const post = (path: string, headers: Record<string, string>, body: string | null = login) =>
  server.fetch(path, { method: 'POST', headers, body })

describe('the CSRF rule', () => {
  const query = JSON.stringify({ query: '{ me { id } }' })

  test.each([
    ['the same origin by Sec-Fetch-Site', { 'sec-fetch-site': 'same-origin' }],
    ['the own origin', { origin: ORIGIN }],
    ['a listed origin', { origin: APP, 'sec-fetch-site': 'cross-site' }],
    ['a client that is no browser', {}],
    ['an address typed by the user', { 'sec-fetch-site': 'none' }],
  ])('a request from %s passes', async (_, headers) => {
    const rest = await post('/auth/login', { ...JSON_TYPE, ...headers })
    const graphql = await post('/graphql', { ...JSON_TYPE, ...headers }, query)

    expect([rest.status, graphql.status]).toEqual([401, 200])
  })

  test.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['another origin with a bearer', { origin: 'https://evil.example', authorization: 'Bearer x' }],
    ['an origin that begins like the own one', { origin: `${ORIGIN}.evil.example` }],
    ['the own host over http', { origin: 'http://auth.example.com' }],
    ['an opaque origin', { origin: 'null' }],
    ['a cross-site page without an origin', { 'sec-fetch-site': 'cross-site' }],
    ['a same-site page without an origin', { 'sec-fetch-site': 'same-site' }],
  ])('a request from %s is refused on every unsafe operation', async (_, headers) => {
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

  test('a request with a cookie and without browser headers needs the JSON content type', async () => {
    const { client } = await server.registerUser('REST', 'COOKIE')
    const cookie = client.kept.cookie ?? ''

    const bare = await post('/auth/refresh', { cookie }, null)
    const typed = await post('/auth/refresh', { cookie, ...JSON_TYPE }, null)
    const listedOrigin = await post('/auth/refresh', { cookie, origin: APP }, null)

    expect([bare.status, typed.status, listedOrigin.status]).toEqual([415, 200, 200])
    // Told apart from a foreign origin, because the remedy is another.
    expect((await bare.json()).detail).toContain('content-type: application/json')
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    '',
    'application/json; charset=iso-8859-1',
    'application/json;charset=utf-16',
    'application/json; charset="latin1"',
    'application/json; charset=utf-8; charset=latin1',
    'application/json; charset',
    'application/json, text/plain',
  ])('a body of type %j is refused', async (type) => {
    const answers = await Promise.all([
      post('/auth/login', { 'content-type': type }),
      post('/graphql', { 'content-type': type }, query),
    ])

    for (const answer of answers) expect(await codeOf(answer)).toBe('UNSUPPORTED_MEDIA_TYPE')
  })
})

test.each([
  'application/json',
  'Application/JSON',
  'application/json;charset=UTF-8',
  'application/json ; charset="utf-8"',
])('a body of type %j is accepted', async (type) => {
  const rest = await post('/auth/login', { 'content-type': type })
  const graphql = await post('/graphql', { 'content-type': type }, JSON.stringify({ query: '{ me { id } }' }))

  expect([rest.status, graphql.status]).toEqual([401, 200])
})

describe('CORS', () => {
  const preflight = (origin: string, headers = 'content-type') =>
    server.fetch('/graphql', {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': headers,
      },
    })

  test('a page of a listed origin may read an answer, when to try again and the id of its request', async () => {
    const { headers } = await post('/auth/login', { ...JSON_TYPE, origin: APP })

    expect(headers.get('access-control-allow-origin')).toBe(APP)
    expect(headers.get('access-control-expose-headers')).toBe('retry-after,x-request-id')
  })

  test('a listed origin is allowed to send requests with credentials', async () => {
    const { headers, status } = await preflight(APP)

    expect(status).toBe(204)
    expect(headers.get('access-control-allow-origin')).toBe(APP)
    expect(headers.get('access-control-allow-credentials')).toBe('true')
    expect(headers.get('access-control-allow-methods')).toBe('GET,POST,PUT,PATCH,DELETE,OPTIONS')
    expect(headers.get('access-control-max-age')).toBe('600')
    expect(headers.get('vary')).toContain('Origin')
  })

  test.each([
    'authorization, content-type',
    'traceparent, tracestate, baggage',
    'x-request-id',
    'apollographql-client-name, apollographql-client-version',
    'sentry-trace',
    'x-requested-with',
  ])('a page of a listed origin may send the headers %s', async (asked) => {
    const { headers } = await preflight(APP, asked)

    const allowed = headers.get('access-control-allow-headers')?.split(',')
    for (const name of asked.split(', ')) expect(allowed).toContain(name)
  })

  test('an unlisted origin gets no CORS headers', async () => {
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

  test('a listed origin can read errors too', async () => {
    const { headers, status } = await server.fetch('/auth/me', { headers: { origin: APP } })

    expect(status).toBe(401)
    expect(headers.get('access-control-allow-origin')).toBe(APP)
    expect(headers.get('vary')).toContain('Origin')
  })
})

describe('apps and browser extensions', () => {
  const EXTENSION = 'chrome-extension://abcdefghijklmnopabcdefghijklmnop'
  const SHELLS = [
    'capacitor://localhost',
    'ionic://localhost',
    'tauri://localhost',
    'http://localhost',
    'http://tauri.localhost',
    EXTENSION,
  ]
  const app = useServer({ ALLOWED_ORIGINS: SHELLS.join() })

  /** What a browser sends and accepts for a page of this origin. */
  async function send(origin: string, path: string, headers: Record<string, string>, body: unknown) {
    const from = { origin, 'sec-fetch-site': 'cross-site' }
    const preflight = await app.fetch(path, {
      method: 'OPTIONS',
      headers: {
        ...from,
        'access-control-request-method': 'POST',
        'access-control-request-headers': Object.keys({ ...JSON_TYPE, ...headers }).join(),
      },
    })
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
    const init = {
      method: 'POST',
      headers: { ...from, ...JSON_TYPE, ...headers },
      body: JSON.stringify(body),
    }
    const answer = await app.fetch(path, init)
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
    return answer.json()
  }

  test.each(SHELLS)('a page of %s signs in and refreshes with tokens', async (origin) => {
    const query = 'query { me { email } }'
    const given = account()

    const { refreshToken } = await send(origin, '/auth/register', {}, { ...given, transport: 'TOKEN' })
    const { accessToken } = await send(origin, '/auth/refresh', {}, { refreshToken })
    const authorization = `Bearer ${accessToken}`
    const { data } = await send(origin, '/graphql', { authorization }, { query })

    expect(data).toEqual({ me: { email: given.email } })
  })

  test.each(['capacitor://evil', 'capacitor://localhost.evil', 'https://localhost', `${EXTENSION}x`])(
    'a page of %s, which is not listed, is refused',
    async (origin) => {
      const answer = await app.fetch('/auth/login', {
        method: 'POST',
        headers: { ...JSON_TYPE, origin },
        body: login,
      })

      expect(await codeOf(answer)).toBe('FORBIDDEN_ORIGIN')
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    },
  )
})

describe('https://*.example.com', () => {
  const { isAllowed } = createOrigins({
    own: ORIGIN,
    allowed: ['https://*.example.com', 'https://*.example.net:8443', 'https://app.example.org'],
  })

  test.each(['https://app.example.com', 'https://pr-7.example.com', 'https://a_b.example.net:8443'])(
    'allows %s',
    (origin) => expect(isAllowed(origin)).toBe(true),
  )

  test.each([
    'https://example.com',
    'https://a.b.example.com',
    'https://.example.com',
    'https://*.example.com.evil.example',
    'https://evilexample.com',
    'https://app.example.com.evil.example',
    'https://app.example.com:8443',
    'https://app.example.net',
    'http://app.example.com',
    'https://other.example.org',
    'https://evil.example/.example.com',
    'https://evil@app.example.com',
    'null',
    '',
  ])('does not allow %j', (origin) => expect(isAllowed(origin)).toBe(false))
})

describe('a server in development', () => {
  const LAN = 'http://192.168.1.7:3000'
  const developing = useServer({ NODE_ENV: 'development', PUBLIC_URL: 'http://localhost:3000' })
  const send = ({ fetch }: Pick<typeof developing, 'fetch'>, origin: string, host: string) =>
    fetch('/auth/login', { method: 'POST', headers: { ...JSON_TYPE, origin, host }, body: login })

  test.each([LAN, 'http://[fd00::7]:3000', 'http://127.0.0.1:3000'])(
    'takes its own page at the address %s for its own',
    async (origin) => {
      const answer = await send(developing, origin, origin.slice('http://'.length))

      expect(await codeOf(answer)).toBe('INVALID_CREDENTIALS')
    },
  )

  test.each([
    ['a page at another address', LAN, '192.168.1.8:3000'],
    ['another port of the address', 'http://192.168.1.7:5173', '192.168.1.7:3000'],
    ['a name that leads to this machine', 'http://rebound.evil.example:3000', 'rebound.evil.example:3000'],
  ])('refuses %s', async (_, origin, host) => {
    const answer = await send(developing, origin, host)

    expect(await codeOf(answer)).toBe('FORBIDDEN_ORIGIN')
  })

  test('does so in development only', async () => {
    const answer = await send(server, LAN, '192.168.1.7:3000')

    expect(await codeOf(answer)).toBe('FORBIDDEN_ORIGIN')
  })
})

describe('a server for a try on this machine', () => {
  const trial = useServer({ PUBLIC_URL: 'http://localhost:3000' })
  const send = (origin: string) =>
    trial.fetch('/auth/login', {
      method: 'POST',
      headers: { ...JSON_TYPE, origin, 'sec-fetch-site': 'same-origin' },
      body: login,
    })

  test.each(['http://localhost:3000', 'http://127.0.0.1:3000', 'http://localhost:8080'])(
    'answers its page at %s',
    async (origin) => expect(await codeOf(await send(origin))).toBe('INVALID_CREDENTIALS'),
  )

  test.each(['https://auth.example.com', 'http://192.168.1.7:3000', 'https://localhost'])(
    'refuses its page at %s, whose cookie would not be for https',
    async (origin) => expect(await codeOf(await send(origin))).toBe('FORBIDDEN_ORIGIN'),
  )
})

test('an origin that is longer than any name is refused before its host is decoded', () => {
  const { isMisplaced } = createOrigins({ own: 'http://localhost:3000', allowed: [] })
  const parse = vi.spyOn(URL, 'parse')
  onTestFinished(() => parse.mockRestore())

  expect(isMisplaced('http://localhost:3000')).toBe(false)
  expect(isMisplaced(`http://a${'%CC%81'.repeat(1000)}.localhost`)).toBe(true)
  expect(parse).toHaveBeenCalledTimes(1)
})
