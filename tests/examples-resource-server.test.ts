import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { expect, onTestFinished, test } from 'vitest'
import { startAuthServer, startExample, untilExpired, useAuthServer, useExample } from './support/examples.ts'
import { freePort } from './support/process.ts'

const PAGE = 'http://localhost:4001'

const auth = useAuthServer()
const api = useExample('resource-server', () => ({ AUTH_URL: auth.url }))

const ask = (token?: string | null, headers = {}, url = api.url) =>
  fetch(`${url}/orders/7`, {
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers },
  })

const INVALID = 'Bearer error="invalid_token", error_description="The access token is not valid."'

test('the example accepts an access token by the published keys and reads its user', async () => {
  const { client, user } = await auth.registerUser()

  const answer = await ask(client.kept.accessToken)

  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({ id: '7', customer: user.id })
})

test('a request without a token gets 401 with the scheme and no reason', async () => {
  for (const headers of [{}, { authorization: 'Basic abc' }, { authorization: 'Bearer' }]) {
    const answer = await ask(null, headers)
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
  }
})

test('a request with an expired token gets 401 and the reason', async () => {
  const { client } = await auth.registerUser()
  await untilExpired()

  const answer = await ask(client.kept.accessToken)

  expect(answer.status).toBe(401)
  expect(answer.headers.get('www-authenticate')).toBe(
    'Bearer error="invalid_token", error_description="The access token has expired."',
  )
})

test('the example refuses tokens that are not access tokens of this server', async () => {
  const { accessToken, refreshToken } = (await auth.registerUser()).client.kept
  const [head, claims, signature] = accessToken?.split('.') ?? []
  const { kid, alg } = JSON.parse(atob(head ?? ''))
  const { privateKey } = await generateKeyPair('ES256')
  const payload = JSON.parse(atob(claims ?? ''))
  const forged = (header: object) =>
    new SignJWT(payload).setProtectedHeader({ alg, typ: 'at+jwt', ...header }).sign(privateKey)
  const { client: other } = await auth.registerUser()

  const refused = [
    'nonsense',
    refreshToken,
    await forged({ kid }),
    await forged({ kid: 'unknown' }),
    new UnsecuredJWT(payload).encode(),
    `${head}.${other.kept.accessToken?.split('.')[1]}.${signature}`,
  ]
  for (const token of refused) {
    const answer = await ask(token)
    expect([answer.status, answer.headers.get('www-authenticate')], String(token)).toEqual([401, INVALID])
  }
})

test('a forged token that names no key gets 401, also while two keys are published', async () => {
  const { keys } = await (await fetch(`${auth.url}/.well-known/jwks.json`)).json()
  const two = Bun.serve({
    port: 0,
    fetch: () => Response.json({ keys: [...keys, { ...keys[0], kid: 'second' }] }),
  })
  onTestFinished(() => two.stop(true))
  const strict = await startExample('resource-server', { AUTH_URL: two.url.origin })
  const { privateKey } = await generateKeyPair('ES256')
  const forged = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' }).sign(privateKey)

  const answer = await ask(forged, {}, strict.url)

  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, INVALID])
})

test('the example refuses tokens for another audience', async () => {
  const elsewhere = await startAuthServer({ ACCESS_TOKEN_AUDIENCE: 'https://other.example.com' })
  const strict = await startExample('resource-server', { AUTH_URL: elsewhere.url })
  const { client } = await elsewhere.registerUser()

  const answer = await ask(client.kept.accessToken, {}, strict.url)

  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, INVALID])
})

test('without the keys the example is unavailable and does not ask for a sign-in', async () => {
  const { client } = await auth.registerUser()
  const nowhere = `http://localhost:${await freePort()}`
  const alone = await startExample('resource-server', { AUTH_URL: nowhere })

  const answer = await ask(client.kept.accessToken, {}, alone.url)

  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
  expect(answer.headers.has('www-authenticate')).toBe(false)
})

test('a restart of Servauth does not disturb the example', async () => {
  const { client } = await auth.registerUser()
  await auth.stop()
  await auth.start()
  await client.refresh()

  expect((await ask(client.kept.accessToken)).status).toBe(200)
})

test('listed pages can read the answers of the example, and other pages cannot', async () => {
  const preflight = await fetch(`${api.url}/orders/7`, {
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
