import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { loadEnv } from '../src/env.ts'
import { ADAPTERS, bearer } from './support/client.ts'
import { runCommand } from './support/process.ts'
import { publishedKeys } from './support/published-keys.ts'
import { send } from './support/send.ts'
import { ORIGIN, type Server, startServer } from './support/server.ts'

const MINUTE = 60_000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  onTestFinished(() => void vi.useRealTimers())
})

const algorithmsOf = ({ keys }: JSONWebKeySet) => keys.map(({ alg }) => alg)

async function signIn(server: Server) {
  const { client } = await server.registerUser()
  return client.kept.accessToken ?? ''
}

/** Makes the keys in the database and in the caches older. */
async function age(server: Server, minutes: number) {
  await server.sql`update jwks set created_at = created_at - make_interval(mins => ${minutes}::int)`
  vi.advanceTimersByTime(minutes * MINUTE)
}

/** Replaces the process by one with another setting, on the same database. */
const restartWith = (server: Server, settings: Record<string, string>) =>
  server.startReplica({ ...loadEnv({ ...server.env, ...settings }) })

test.each([
  ['ES256', { kty: 'EC', crv: 'P-256' }],
  ['RS256', { kty: 'RSA', e: 'AQAB' }],
  ['EdDSA', { kty: 'OKP', crv: 'Ed25519' }],
])('a new database signs with %s and publishes that key alone', async (alg, parts) => {
  const server = await startServer({ ACCESS_TOKEN_ALG: alg })

  const token = await signIn(server)
  const keys = await publishedKeys(server)

  expect(decodeProtectedHeader(token)).toEqual({ alg, typ: 'at+jwt', kid: keys.keys[0]?.kid })
  expect(keys.keys).toEqual([expect.objectContaining({ alg, use: 'sig', ...parts })])
  expect(keys.keys[0]).not.toHaveProperty('d')
  await jwtVerify(token, createLocalJWKSet(keys), { issuer: ORIGIN, audience: ORIGIN, typ: 'at+jwt' })
  for (const adapter of ADAPTERS) {
    expect((await server.client(adapter).call('me', undefined, { bearer: token })).data).not.toBeNull()
  }
})

test('a database with an EdDSA key keeps it, also at a rotation, until the setting names another', async () => {
  const server = await startServer({ ACCESS_TOKEN_ALG: 'EdDSA' })
  const replica = await restartWith(server, { ACCESS_TOKEN_ALG: '' })
  const { ACCESS_TOKEN_ALG: _, ...withoutSetting } = server.env as Record<string, string>

  const { output } = await runCommand('keys rotate', { env: withoutSetting })

  expect(output.match(/EdDSA/g)).toHaveLength(2)
  const keys = await (await send(replica.app, '/.well-known/jwks.json', {}, null)).json()
  expect(new Set(algorithmsOf(keys as JSONWebKeySet))).toEqual(new Set(['EdDSA']))
})

test('another algorithm is published before it signs, and the old one until its last token has expired', async () => {
  const server = await startServer({ ACCESS_TOKEN_ALG: 'EdDSA' })
  const before = await signIn(server)

  await restartWith(server, { ACCESS_TOKEN_ALG: 'RS256' })
  vi.advanceTimersByTime(MINUTE + 1000)
  const during = await publishedKeys(server)
  await age(server, 13)
  const early = await signIn(server)
  await age(server, 2)
  vi.advanceTimersByTime(MINUTE + 1000)
  const after = await signIn(server)

  expect(algorithmsOf(during).toSorted()).toEqual(['EdDSA', 'RS256'])
  expect([before, early, after].map((token) => decodeProtectedHeader(token).alg)).toEqual([
    'EdDSA',
    'EdDSA',
    'RS256',
  ])
  // A service that read the keys before the change of the signing key can verify the new tokens.
  await jwtVerify(after, createLocalJWKSet(during), { currentDate: new Date() })
  for (const bearer of [early, after]) {
    expect((await server.client().call('me', undefined, { bearer })).data).not.toBeNull()
  }
  await age(server, 62)
  vi.advanceTimersByTime(MINUTE + 1000)
  expect(algorithmsOf(await publishedKeys(server))).toEqual(['RS256'])
})

test('a token whose header names another algorithm than its key is refused', async () => {
  const server = await startServer()
  const [, ...rest] = (await signIn(server)).split('.')
  const { keys } = await publishedKeys(server)
  const header = { alg: 'RS256', typ: 'at+jwt', kid: keys[0]?.kid }
  const bearer = [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.')

  expect((await server.client().call('me', undefined, { bearer })).reason).toBe('INVALID')
})

test('ACCESS_TOKEN_TYP changes the type of new tokens, and tokens of both types are accepted', async () => {
  const server = await startServer({ ACCESS_TOKEN_TYP: 'JWT' })
  const old = await restartWith(server, { ACCESS_TOKEN_TYP: 'at+jwt' })
  const token = await signIn(server)

  const answer = await send(old.app, '/auth/me', { headers: { authorization: `Bearer ${token}` } }, null)

  expect(decodeProtectedHeader(token).typ).toBe('JWT')
  expect(answer.status).toBe(200)
})

test('ACCESS_TOKEN_AUDIENCE can be a list, and then every token names all of it', async () => {
  const audiences = ['https://api.example.com', 'https://files.example.com']
  const server = await startServer({ ACCESS_TOKEN_AUDIENCE: audiences.join(', ') })

  const token = await signIn(server)
  const keys = createLocalJWKSet(await publishedKeys(server))

  for (const audience of audiences) {
    expect((await jwtVerify(token, keys, { audience })).payload.aud).toEqual(audiences)
  }
  expect((await server.client().call('me', undefined, { bearer: token })).data).not.toBeNull()
})

test('after a change of the audience, older tokens are expired, and can log out', async () => {
  const server = await startServer({ ACCESS_TOKEN_AUDIENCE: 'https://api.example.com' })
  const { client } = await server.registerUser()
  const token = client.kept.accessToken ?? ''
  const audience = 'https://files.example.com'

  const changed = await restartWith(server, { ACCESS_TOKEN_AUDIENCE: audience })
  const ask = (method: string, path: string) =>
    send(changed.app, path, { method, headers: bearer(token) }, null)
  const refused = await ask('GET', '/auth/me')
  const loggedOut = await ask('POST', '/auth/logout')

  expect(await refused.json()).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'EXPIRED' })
  expect(loggedOut.status).toBe(204)
  expect((await client.refresh()).reason).toBe('REVOKED')
})

test('an access token expires no later than its session', async () => {
  const server = await startServer({ SESSION_IDLE_SECONDS: '60' })

  const { session, accessTokenExpiresAt } = (await server.client().register()).data ?? {}

  const late = Date.parse(`${accessTokenExpiresAt}`) - Date.parse(`${session?.expiresAt}`)
  expect(late).toBeLessThanOrEqual(0)
})
