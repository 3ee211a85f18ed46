import { symmetricDecrypt } from 'better-auth/crypto'
import {
  createLocalJWKSet,
  decodeProtectedHeader,
  importJWK,
  type JSONWebKeySet,
  jwtVerify,
  SignJWT,
} from 'jose'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { compose } from '../src/compose.ts'
import { loadEnv } from '../src/env.ts'
import { createLog } from '../src/observe/log.ts'
import { ADAPTERS, bearer, type Client } from './support/client.ts'
import { createDatabase, PATIENT } from './support/database.ts'
import { clearAway } from './support/housekeeping.ts'
import { runCommand } from './support/process.ts'
import { publishedKeys } from './support/published-keys.ts'
import { send } from './support/send.ts'
import { ORIGIN, type Server, startServer } from './support/server.ts'

const MINUTE = 60_000
/** Longer than a server caches the keys. */
const CACHE_MS = MINUTE + 1000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  // Only after the test has closed its servers: their clock must not go back.
  onTestFinished(() => void vi.useRealTimers())
})

const kidOf = (token: string | null | undefined) => decodeProtectedHeader(token ?? '').kid
const advance = (ms: number) => vi.advanceTimersByTime(ms)
const rotate = (server: Server) => server.command('keys rotate')
const kidsOf = (set: JSONWebKeySet) => set.keys.map(({ kid }) => kid)
const verify = (token: string | undefined, set: JSONWebKeySet) =>
  jwtVerify(token ?? '', createLocalJWKSet(set), {
    issuer: ORIGIN,
    audience: ORIGIN,
    typ: 'at+jwt',
    currentDate: new Date(),
  })

/** Makes the keys in the database and the cache of the server older. */
async function age(server: Server, minutes: number) {
  await server.sql`update jwks set created_at = created_at - make_interval(mins => ${minutes}::int)`
  advance(minutes * MINUTE)
}

test.each(ADAPTERS)(
  'by %s, a new key is public before it signs, and the old key while its tokens are valid',
  async (adapter) => {
    const server = await startServer()
    const signIn = async () => (await server.client(adapter).register()).data
    const first = await signIn()
    const [old] = kidsOf(await publishedKeys(server))

    const { code, output } = await rotate(server)
    advance(CACHE_MS)
    const during = await publishedKeys(server)
    const between = await signIn()
    await age(server, 14)
    const early = await signIn()
    await age(server, 1)
    advance(CACHE_MS)
    const after = await signIn()
    const [next] = kidsOf(during).filter((kid) => kid !== old)

    expect([code, output]).toEqual([0, expect.stringContaining('A new key was created')])
    expect(kidsOf(during)).toHaveLength(2)
    expect([first, between, early].map((grant) => kidOf(grant?.accessToken))).toEqual([old, old, old])
    expect(kidOf(after?.accessToken)).toBe(next)
    // A service that fetched the keys before the new one signed can verify tokens of both keys.
    await verify(after?.accessToken, during)
    await verify(early?.accessToken, await publishedKeys(server))
    for (const grant of [early, after]) {
      expect(
        (await server.client(adapter).call('me', undefined, { bearer: grant?.accessToken ?? '' })).data,
      ).not.toBeNull()
    }

    await age(server, 60)
    advance(CACHE_MS)
    expect(kidsOf(await publishedKeys(server))).toHaveLength(2)
    await age(server, 2)
    advance(CACHE_MS)
    expect(kidsOf(await publishedKeys(server)).toSorted()).toEqual([next])
  },
)

test.each(ADAPTERS)(
  'by %s, a token of a retired key is expired but can log out, and new tokens are refused',
  async (adapter) => {
    const server = await startServer()
    const { client, user, session } = await server.registerUser(adapter)
    const token = client.kept.accessToken ?? ''
    const [row] = await server.sql<{ id: string; private_key: string }[]>`select id, private_key from jwks`
    const stolen = await symmetricDecrypt({
      key: server.env.AUTH_SECRET,
      data: JSON.parse(row?.private_key ?? ''),
    })
    await rotate(server)
    await age(server, 120)
    const forged = await new SignJWT({ sid: session.id })
      .setProtectedHeader({ alg: 'ES256', kid: row?.id ?? '', typ: 'at+jwt' })
      .setIssuer(ORIGIN)
      .setAudience(ORIGIN)
      .setSubject(user.id)
      .setJti('forged')
      .setIssuedAt()
      .setExpirationTime('10m')
      .sign(await importJWK(JSON.parse(stolen), 'ES256'))
    const present = (bearer: string) => server.client(adapter).call('me', undefined, { bearer })

    expect((await present(token)).reason).toBe('EXPIRED')
    expect((await present(forged)).reason).toBe('INVALID')
    expect((await server.client(adapter).call('logout', undefined, { bearer: token })).code).toBeUndefined()
    expect((await client.refresh()).reason).toBe('REVOKED')
  },
)

test('a replica that has not read the new key yet accepts its tokens', async () => {
  const server = await startServer()
  const { client: before } = await server.registerUser()
  const replica = await server.startReplica()
  const ask = ({ kept }: Client) => send(replica.app, '/auth/me', { headers: bearer(kept.accessToken) }, null)
  const known = await ask(before)
  await rotate(server)
  await server.sql`update jwks set created_at = created_at - interval '16 minutes'`
  await server.restart()
  const { client: after } = await server.registerUser()
  advance(2000)

  expect(known.status).toBe(200)
  expect(kidOf(after.kept.accessToken)).not.toBe(kidOf(before.kept.accessToken))
  expect((await ask(after)).status).toBe(200)
})

test('a key is public while tokens of a longer lifetime, which a setting has shortened since, are valid', async () => {
  const server = await startServer({ ACCESS_TOKEN_SECONDS: '3600' })
  const { client } = await server.registerUser()
  const token = client.kept.accessToken ?? ''
  await rotate(server)
  await age(server, 55)

  const shortened = await server.startReplica(loadEnv({ ...server.env, ACCESS_TOKEN_SECONDS: '60' }))
  const ask = (path: string) => send(shortened.app, path, { headers: bearer(token) }, null)

  expect((await ask('/auth/me')).status).toBe(200)
  await verify(token, await (await ask('/.well-known/jwks.json')).json())
})

test('rotations at once make one key, and a later rotation waits until that key signs', async () => {
  const server = await startServer()

  const runs = await Promise.all([1, 2, 3].map(() => runCommand('keys rotate', { env: server.env })))
  const again = await rotate(server)
  await server.sql`update jwks set created_at = created_at - interval '16 minutes'`
  const later = await rotate(server)

  expect(runs.map(({ code }) => code)).toEqual([0, 0, 0])
  expect(runs.filter(({ output }) => output.includes('A new key was created'))).toHaveLength(1)
  expect(again).toMatchObject({ code: 0, output: expect.stringContaining('does not sign yet') })
  expect(later.output).toContain('A new key was created')
  expect(await server.sql`select from jwks`).toHaveLength(3)
})

test('replicas at their first start agree on one key', async () => {
  const database = await createDatabase()
  const source = {
    PUBLIC_URL: ORIGIN,
    DATABASE_URL: database.url,
    AUTH_SECRET: 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0',
    LOG_LEVEL: 'silent',
  }
  const log = await createLog(loadEnv(source))
  const replicas = await Promise.all(
    Array.from({ length: 4 }, () =>
      compose({ ...loadEnv(source), ...source, databaseLimits: PATIENT } as never, log),
    ),
  )
  try {
    let prepared: Promise<unknown> | undefined
    await database.sql.begin(async (tx) => {
      // The table is not writable until at least two replicas have seen that there is no key.
      await tx`lock table jwks in share row exclusive mode`
      prepared = Promise.all(replicas.map((replica) => replica.prepare()))
      const countWaiting = async () => {
        const waiting = await tx`select from pg_locks join pg_database on oid = database
          where not granted and datname = current_database()`
        return waiting.length
      }
      await expect.poll(countWaiting).toBeGreaterThan(1)
    })
    await prepared

    const sets = await Promise.all(
      replicas.map(
        async ({ app }) =>
          (await send(app, '/.well-known/jwks.json', {}, null)).json() as Promise<JSONWebKeySet>,
      ),
    )
    expect(await database.sql`select from jwks`).toHaveLength(1)
    expect(new Set(sets.map((set) => kidsOf(set).join())).size).toBe(1)
  } finally {
    await Promise.all(replicas.map((replica) => replica.close()))
    await database.drop()
  }
})

test('a rotation with another AUTH_SECRET changes nothing and explains why', async () => {
  const server = await startServer()

  const { code, output } = await runCommand('keys rotate', {
    env: { ...server.env, AUTH_SECRET: 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0' },
  })

  expect([code, output]).toEqual([1, expect.stringContaining('AUTH_SECRET is not the one')])
  expect(output).not.toContain('q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0')
  expect(await server.sql`select from jwks`).toHaveLength(1)
})

test('the private part of a retired key, and of no other, is wiped after a day', async () => {
  const server = await startServer()
  await rotate(server)
  await server.sql`update jwks set created_at = created_at - interval '25 hours'`
  await rotate(server)

  await clearAway(server.env.DATABASE_URL)

  const rows = await server.sql`select private_key = '' as wiped from jwks order by created_at`
  expect(rows.map(({ wiped }) => wiped)).toEqual([true, false, false])
  await server.restart()
  expect((await server.client().register()).data).not.toBeNull()
  const { output } = await runCommand('keys show', { env: server.env })
  expect(output).toMatch(/signs, public until .*\n.*signs from/)
  expect(output.match(/created/g)).toHaveLength(2)
})
