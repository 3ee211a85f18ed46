import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { createClient } from './support/client.ts'
import { startAuthServer, startExample, untilExpired } from './support/examples.ts'
import { freePort } from './support/process.ts'

const PAGE = 'http://localhost:4001'

let auth: Awaited<ReturnType<typeof startAuthServer>>
let api: string
beforeAll(async () => {
  auth = await startAuthServer()
  api = await startExample('resource-server', await freePort(), { AUTH_URL: auth.url })
})

async function signedIn() {
  const client = createClient((path, init) => fetch(`${auth.url}${path}`, init), 'REST', 'TOKEN')
  const { data } = await client.register()
  return { client, userId: data?.user.id, ...client.kept }
}

const ask = (token?: string | null, headers = {}) =>
  fetch(`${api}/orders/7`, {
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers },
  })

const INVALID = 'Bearer error="invalid_token", error_description="The access token is not valid."'

test('lets an access token in, by its keys alone, and says whose it is', async () => {
  const { accessToken, userId } = await signedIn()

  const answer = await ask(accessToken)

  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({ id: '7', customer: userId })
})

test('without a token it says only what it wants', async () => {
  for (const headers of [{}, { authorization: 'Basic abc' }, { authorization: 'Bearer' }]) {
    const answer = await ask(null, headers)
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
  }
})

test('says so when the token has expired', async () => {
  const { accessToken } = await signedIn()
  await untilExpired()

  const answer = await ask(accessToken)

  expect(answer.status).toBe(401)
  expect(answer.headers.get('www-authenticate')).toBe(
    'Bearer error="invalid_token", error_description="The access token has expired."',
  )
})

test('refuses what is no access token of this server', async () => {
  const { accessToken, refreshToken } = await signedIn()
  const [head, claims, signature] = accessToken?.split('.') ?? []
  const { kid, alg } = JSON.parse(atob(head ?? ''))
  const { privateKey } = await generateKeyPair('EdDSA')
  const payload = JSON.parse(atob(claims ?? ''))
  const forged = (header: object) =>
    new SignJWT(payload).setProtectedHeader({ alg, typ: 'at+jwt', ...header }).sign(privateKey)
  const other = await signedIn()

  const refused = [
    'nonsense',
    refreshToken,
    await forged({ kid }),
    await forged({ kid: 'unknown' }),
    new UnsecuredJWT(payload).encode(),
    `${head}.${other.accessToken?.split('.')[1]}.${signature}`,
  ]
  for (const token of refused) {
    const answer = await ask(token)
    expect([answer.status, answer.headers.get('www-authenticate')], String(token)).toEqual([401, INVALID])
  }
})

test('refuses tokens that are meant for others', async () => {
  const elsewhere = await startAuthServer({ ACCESS_TOKEN_AUDIENCE: 'https://other.example.com' })
  const strict = await startExample('resource-server', await freePort(), { AUTH_URL: elsewhere.url })
  const client = createClient((path, init) => fetch(`${elsewhere.url}${path}`, init), 'REST', 'TOKEN')
  await client.register()

  const answer = await fetch(`${strict}/orders/7`, {
    headers: { authorization: `Bearer ${client.kept.accessToken}` },
  })

  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, INVALID])
})

test('while the keys cannot be had it is unavailable, and nobody is told to sign in', async () => {
  const { accessToken } = await signedIn()
  const nowhere = `http://localhost:${await freePort()}`
  const alone = await startExample('resource-server', await freePort(), { AUTH_URL: nowhere })

  const answer = await fetch(`${alone}/orders/7`, { headers: { authorization: `Bearer ${accessToken}` } })

  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
  expect(answer.headers.has('www-authenticate')).toBe(false)
})

test('a restart of Servauth is not noticed', async () => {
  const { client } = await signedIn()
  await auth.stop()
  await auth.start()
  await client.refresh()

  expect((await ask(client.kept.accessToken)).status).toBe(200)
})

test('the listed pages may read its answers, a refusal too, and others may not', async () => {
  const preflight = await fetch(`${api}/orders/7`, {
    method: 'OPTIONS',
    headers: {
      origin: PAGE,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization',
    },
  })
  const refusal = await ask(null, { origin: PAGE })
  const foreign = await ask(null, { origin: 'https://evil.example.com' })

  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization')
  for (const { headers } of [preflight, refusal])
    expect(headers.get('access-control-allow-origin')).toBe(PAGE)
  expect(foreign.headers.get('access-control-allow-origin')).toBeNull()
})
