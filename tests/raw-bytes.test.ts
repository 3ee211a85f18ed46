import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { account } from './support/client.ts'
import { useDatabase } from './support/database.ts'
import { useProgram } from './support/program.ts'
import { sendBytes } from './support/raw-request.ts'

/** Blanks that `String.prototype.trim` or `\s` would strip, as bytes of a header: U+00A0, U+2003, U+FEFF, and no other. */
const FOREIGN_BLANKS = [
  ['A0', '\xa0'],
  ['C2 A0', '\xc2\xa0'],
  ['E2 80 83', '\xe2\x80\x83'],
  ['EF BB BF', '\xef\xbb\xbf'],
] as const

const database = useDatabase()
// The name of the cookie begins with __Host- only with https.
const server = useProgram(() => ({
  DATABASE_URL: database.url,
  PUBLIC_URL: 'https://auth.example.com',
  TRUSTED_PROXIES: '127.0.0.1',
}))

let cookie: string
let accessToken: string
beforeAll(async () => {
  const { head, body } = await send(
    'POST /auth/register',
    ['Content-Type: application/json'],
    JSON.stringify(account()),
  )
  cookie = /^set-cookie: (__Host-servauth=[^;]+)/im.exec(head)?.[1] ?? ''
  accessToken = /"accessToken":"([^"]+)"/.exec(body)?.[1] ?? ''
})

function send(request: string, headers: string[], body = '') {
  const length = body && [`Content-Length: ${body.length}`]
  const head = [`${request} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...length, ...headers]
  return sendBytes(server.url, `${head.join('\r\n')}\r\n\r\n${body}`)
}

const me = (...headers: string[]) => send('GET /auth/me', headers)

describe.each(FOREIGN_BLANKS)('the bytes %s', (_, blank) => {
  test('the bytes before the name of a cookie make it another cookie', async () => {
    const imitated = await me(`Cookie: ${blank}${cookie}`)
    const behindAnother = await me(`Cookie: a=b; ${blank}${cookie}`)
    const behindName = await me(`Cookie: ${cookie.replace('=', `${blank}=`)}`)
    // A sibling domain that sets it can neither sign in nor spoil the cookie of the user.
    const besideReal = await me(`Cookie: ${blank}__Host-servauth=x; ${cookie}`)

    expect([imitated.status, behindAnother.status, behindName.status]).toEqual([401, 401, 401])
    expect(besideReal.status).toBe(200)
  })

  test('the bytes do not count as a space in Authorization', async () => {
    const answers = [
      await me(`Authorization: ${blank}Bearer ${accessToken}`),
      await me(`Authorization: Bearer${blank}${accessToken}`),
      await me(`Authorization: bearer ${accessToken}${blank}`),
      await me(`Authorization: Bearer ${blank}${accessToken}`),
    ]

    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401])
  })

  test('the bytes do not count as a space in Content-Type', async () => {
    const login = (type: string) =>
      send('POST /auth/login', [`Content-Type: ${type}`], JSON.stringify(account()))
    const answers = [
      await login(`application/json${blank}`),
      await login(`application/json${blank}; charset=utf-8`),
      await login(`${blank}application/json`),
    ]

    expect(answers.map(({ status }) => status)).toEqual([415, 415, 415])
  })

  test('the bytes are part of the value in Origin and Sec-Fetch-Site', async () => {
    const login = (...headers: string[]) =>
      send('POST /auth/login', ['Content-Type: application/json', ...headers], JSON.stringify(account()))
    const answers = [
      await login(`Origin: ${blank}https://auth.example.com`),
      await login(`Origin: https://auth.example.com${blank}`),
      await login(`Sec-Fetch-Site: ${blank}same-origin`, 'Origin: https://evil.example'),
    ]

    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403])
  })

  test('the bytes around an address of X-Forwarded-For make it invalid', async () => {
    const requestId = randomBytes(8).toString('hex')
    await send(
      'POST /auth/login',
      [
        'Content-Type: application/json',
        `X-Request-Id: ${requestId}`,
        `X-Forwarded-For: 203.0.113.7, ${blank}203.0.113.9${blank}`,
      ],
      JSON.stringify(account()),
    )

    const [event] = await database.sql`select ip_address from events where request_id = ${requestId}`
    expect(event?.ip_address).toBe('127.0.0.1')
  })
})

test('spaces and tabs where the standards allow them are stripped', async () => {
  const requestId = randomBytes(8).toString('hex')
  const answers = [
    await me(`Cookie: a=b;\t ${cookie}\t `),
    await me(`Cookie: a=b;${cookie} ; c=d`),
    await me(`Authorization:  \tBearer  ${accessToken}\t `),
    await send('POST /auth/login', ['Content-Type:\tapplication/json \t; charset=utf-8'], '{}'),
    await send(
      'POST /auth/login',
      [
        'Content-Type: application/json',
        `X-Request-Id: ${requestId}`,
        'X-Forwarded-For: 203.0.113.7\t, \t203.0.113.9 ',
      ],
      JSON.stringify(account()),
    ),
  ]

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 400, 401])
  const [event] = await database.sql`select ip_address from events where request_id = ${requestId}`
  expect(event?.ip_address).toBe('203.0.113.9')
})

test.each([
  ['Cookie', (blanks: string) => `a=b${blanks}c; __Host-servauth=x`],
  ['Cookie', (blanks: string) => `__Host-servauth=x${blanks}y`],
  ['Authorization', (blanks: string) => `Bearer${blanks}\x80`],
  ['Content-Type', (blanks: string) => `application/json${blanks}x`],
  ['X-Forwarded-For', (blanks: string) => `1${blanks}1`],
  ['X-Forwarded-For', (blanks: string) => `${blanks.replaceAll(' ', ',')}1`],
])('a long run of blanks in %s takes no time', async (name, value) => {
  const header = `${name}: ${value(' '.repeat(15_000))}`

  // The quickest of several, because the machine may be busy with other work.
  let quickest = Number.POSITIVE_INFINITY
  for (let round = 0; round < 50 && quickest > 100; round++) {
    const began = performance.now()
    const { status } = await send('POST /auth/refresh', ['Content-Type: application/json', header], '{}')
    quickest = Math.min(quickest, performance.now() - began)
    expect(status).toBeGreaterThanOrEqual(400)
  }

  expect(quickest).toBeLessThan(100)
})
