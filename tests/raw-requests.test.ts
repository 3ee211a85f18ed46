import { describe, expect, test } from 'vitest'
import { useDatabase } from './support/database.ts'
import { useProgram } from './support/program.ts'
import { sendBytes } from './support/raw-request.ts'

const APP = 'https://app.example.com'
const database = useDatabase()
const server = useProgram(() => ({ DATABASE_URL: database.url, ALLOWED_ORIGINS: APP }))

const send = (request: string) => sendBytes(server.url, request)

const get = (target: string, ...headers: string[]) =>
  send([`GET ${target} HTTP/1.1`, 'Connection: close', ...headers, '', ''].join('\r\n'))

/** The lines of the log for requests to a path. */
async function logOf(path: string) {
  const lines = () =>
    server
      .output()
      .split('\n')
      .filter((line) => line.includes(`"path":"${path}"`))
      .map((line) => JSON.parse(line))
  await expect.poll(lines).not.toEqual([])
  return lines()
}

describe('a request by HTTP/1.0 without Host', () => {
  test.each([
    ['GET /ready', 200],
    ['GET /ready?check=1', 200],
    ['HEAD /ready', 200],
    ['GET http://localhost/ready', 200],
    ['GET /auth/me', 401],
    ['GET /x/auth/me', 404],
    ['POST /auth/logout', 401],
    ['OPTIONS /ready', 405],
  ])('%s is answered with %i', async (line, status) => {
    const answer = await send(`${line} HTTP/1.0\r\n\r\n`)

    expect(answer.status).toBe(status)
  })

  test('its whole path is in the log', async () => {
    await send('GET /nowhere/without/host?query HTTP/1.0\r\n\r\n')

    expect(await logOf('/nowhere/without/host')).toMatchObject([{ status: 404, code: 'NOT_FOUND' }])
  })
})

describe('the Host of a request', () => {
  test.each(['', 'a', 'a_b:3000', '[::1]:3000', '::1', '127.0.0.1:99999', 'a..b', 'evil.example'])(
    'the Host %j changes nothing',
    async (host) => {
      const found = await get('/ready', `Host: ${host}`)
      const notFound = await get('/x/ready', `Host: ${host}`)

      expect([found.status, notFound.status]).toEqual([200, 404])
    },
  )

  test.each(['a b', 'a/b', 'a/../health', 'a?b', 'a#b', 'a@b', 'a\\b', 'http://a', 'h\xe9', '<a>'])(
    'the impossible Host %j is refused with its reason',
    async (host) => {
      const { status, text } = await get('/auth/me', `Host: ${host}`)

      expect(status).toBe(400)
      expect(text).toContain('"message":"The Host header is not valid."')
    },
  )

  test('that is longer than any name is refused before it is decoded, which takes long for accents', async () => {
    const accents = '%CC%81'.repeat(1200) + '%CC%96'.repeat(1200)
    const { status, text } = await get('/health', `Host: a${accents}.com`)

    expect(status).toBe(400)
    expect(text).toContain('"message":"The Host header is not valid."')
    expect((await get('/health', `Host: ${'a.'.repeat(127)}com:65535`)).status).toBe(200)
  })

  test('two of them are refused, also on a health check, and the log has the reason', async () => {
    const { status } = await get('/ready', 'Host: a', 'Host: b')

    expect(status).toBe(400)
    expect(await logOf('/ready')).toContainEqual(
      expect.objectContaining({ code: 'INVALID_INPUT', hint: 'The Host header is not valid.' }),
    )
  })
})

describe('HEAD', () => {
  const sorted = (head: string) =>
    head
      .toLowerCase()
      .split('\r\n')
      .filter((line) => !/^(?:date|x-request-id):/.test(line))
      .toSorted()

  test.each(['/ready', '/auth/me', '/nowhere', '/openapi.json', '/.well-known/jwks.json', '/schema.graphql'])(
    '%s has the headers of GET, also its length, and no body',
    async (path) => {
      const lines = ['Host: localhost', 'Connection: close', '', '']
      const answer = await send([`HEAD ${path} HTTP/1.1`, ...lines].join('\r\n'))
      const whole = await get(path, 'Host: localhost')

      expect(sorted(answer.head)).toEqual(sorted(whole.head))
      expect(answer.body).toBe('')
    },
  )
})

describe('request targets', () => {
  test.each([
    ['http://other.example/ready', 200],
    ['/./ready', 200],
    ['/ready?', 200],
    ['/%72eady', 200],
    ['//ready', 404],
    ['/ready/', 404],
    ['/READY', 404],
    ['/ready%2f', 404],
    ['/http://other.example/ready', 404],
    ['ready', 400],
    ['*', 400],
  ])('the target %s is answered with %i', async (target, status) => {
    expect((await get(target, 'Host: localhost')).status).toBe(status)
  })
})

describe('a request that a proxy could read in another way', () => {
  const BODY = '{"query":"{ me { id } }"}'
  const LENGTH = `Content-Length: ${BODY.length}`
  const CHUNKS = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`
  const post = (headers: string[], body: string) =>
    send(
      [
        'POST /graphql HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        ...headers,
        '',
        body,
      ].join('\r\n'),
    )

  test.each([
    ['a length and chunks', ['Content-Length: 4', 'Transfer-Encoding: chunked'], CHUNKS],
    ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 4'], CHUNKS],
    ['two different lengths', [LENGTH, 'Content-Length: 4'], BODY],
    ['the same length twice', [LENGTH, LENGTH], BODY],
    ['a list of lengths', [`${LENGTH}, ${BODY.length}`], BODY],
    ['a signed length', ['Content-Length: +4'], BODY],
    ['a negative length', ['Content-Length: -1'], BODY],
    ['a hexadecimal length', ['Content-Length: 0x19'], BODY],
    ['a blank before the colon', ['Transfer-Encoding : chunked'], CHUNKS],
    ['an unknown transfer coding', ['Transfer-Encoding: xchunked'], CHUNKS],
    ['two transfer codings', ['Transfer-Encoding: chunked, identity'], CHUNKS],
    ['a doubled transfer coding', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], CHUNKS],
    ['a folded header', ['X: y', ' Transfer-Encoding: chunked'], CHUNKS],
    ['a bare line feed', ['X: y\nTransfer-Encoding: chunked'], CHUNKS],
    ['a bare carriage return', ['X: y\rTransfer-Encoding: chunked'], CHUNKS],
    ['a NUL', ['X: a\0b', LENGTH], BODY],
    ['a chunk with a sign', ['Transfer-Encoding: chunked'], CHUNKS.replace(/^/, '+')],
    ['a chunk in hexadecimal notation', ['Transfer-Encoding: chunked'], CHUNKS.replace(/^/, '0x')],
    ['chunks that end with line feeds', ['Transfer-Encoding: chunked'], CHUNKS.replaceAll('\r\n', '\n')],
  ])('%s: it is refused, and nothing after it on the connection is read', async (_, headers, body) => {
    const { status, text } = await post(headers, `${body}GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n`)

    expect(status).toBe(400)
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
  })

  test.each(['POST', 'PUT', 'GET', 'HEAD', 'OPTIONS', 'DELETE'])(
    'the body of a %s is never read as a request',
    async (method) => {
      const inner = 'GET /nowhere/smuggled HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
      const head = [`${method} /auth/me HTTP/1.1`, 'Host: localhost', 'Connection: close']
      const { text } = await send([...head, `Content-Length: ${inner.length}`, '', inner].join('\r\n'))

      expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
      expect(server.output()).not.toContain('smuggled')
    },
  )

  test('no header chooses another method, path or origin', async () => {
    const overrides = [
      'X-HTTP-Method-Override: DELETE',
      'X-Original-URL: /health',
      'X-Rewrite-URL: /health',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: http',
      'Forwarded: host=evil.example',
    ]
    const document = await get('/openapi.json', 'Host: evil.example', ...overrides)
    const missing = await get('/nowhere', 'Host: localhost', ...overrides)

    expect(document.text).not.toContain('evil.example')
    expect(missing.status).toBe(404)
  })
})

describe('refused origins in the log', () => {
  const preflight = (path: string, origin: string, ...headers: string[]) =>
    send(
      [
        `OPTIONS ${path} HTTP/1.1`,
        'Host: localhost',
        'Connection: close',
        `Origin: ${origin}`,
        'Access-Control-Request-Method: POST',
        ...headers,
        '',
        '',
      ].join('\r\n'),
    )

  test('a refused preflight is logged with its origin and the setting', async () => {
    const { status } = await preflight('/auth/login', 'https://other.example')

    expect(status).toBe(403)
    expect(await logOf('/auth/login')).toMatchObject([
      {
        status: 403,
        code: 'FORBIDDEN_ORIGIN',
        origin: 'https://other.example',
        hint: expect.stringContaining('ALLOWED_ORIGINS'),
      },
    ])
  })

  test('a refused request is logged with its origin and the setting', async () => {
    const response = await fetch(`${server.url}/auth/register`, {
      method: 'POST',
      headers: { origin: 'https://other.example' },
    })

    expect(response.status).toBe(403)
    expect(await logOf('/auth/register')).toMatchObject([
      { origin: 'https://other.example', hint: expect.stringContaining('ALLOWED_ORIGINS') },
    ])
  })

  test('an answer that a browser hides from its page is logged with the origin and the setting', async () => {
    await fetch(`${server.url}/auth/sessions`, { headers: { origin: 'https://other.example' } })

    expect(await logOf('/auth/sessions')).toMatchObject([
      { status: 401, origin: 'https://other.example', hint: expect.stringContaining('ALLOWED_ORIGINS') },
    ])
  })

  test('a preflight for a header that no page may send is logged with the header', async () => {
    await preflight('/auth/refresh', APP, 'Access-Control-Request-Headers: Content-Type,X-Made-Up')

    expect(await logOf('/auth/refresh')).toMatchObject([{ origin: APP, headers: 'x-made-up' }])
  })

  test('a page of another site that has no cookie is logged with the transport that it needs', async () => {
    for (const site of ['cross-site', 'same-site']) {
      await fetch(`${server.url}/auth/factors`, { headers: { origin: APP, 'sec-fetch-site': site } })
    }

    const [other, same] = await logOf('/auth/factors')
    expect(other).toMatchObject({ status: 401, hint: expect.stringContaining('transport TOKEN') })
    expect(same?.hint).toBeUndefined()
  })

  test('the origin in the log is bounded and printable', async () => {
    await preflight('/auth/sign-in-reports', `https://\xe9${'x'.repeat(5000)}`)

    const [line] = await logOf('/auth/sign-in-reports')
    expect(line.origin).toMatch(/^[\x20-\x7e]{1,200}$/)
  })

  test('the log of a trusted origin has no hint', async () => {
    for (const origin of [APP, server.url]) {
      await fetch(`${server.url}/auth/password-reset`, { method: 'POST', headers: { origin } })
    }

    for (const line of await logOf('/auth/password-reset')) expect(line.hint).toBeUndefined()
  })
})
