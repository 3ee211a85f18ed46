import { symmetricDecrypt } from 'better-auth/crypto'
import {
  createLocalJWKSet,
  decodeProtectedHeader,
  importJWK,
  type JSONWebKeySet,
  jwtVerify,
  SignJWT,
} from 'jose'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startHousekeeping } from '../src/auth/operator/housekeeping.ts'
import { compose } from '../src/compose.ts'
import { createDb } from '../src/db/client.ts'
import { loadEnv } from '../src/env.ts'
import { createLog } from '../src/observe/log.ts'
import { DOORS } from './support/client.ts'
import { createDatabase } from './support/database.ts'
import { runCommand } from './support/process.ts'
import { ORIGIN, startServer } from './support/server.ts'

const MINUTE = 60_000
/** Longer than a server keeps what it read of the keys. */
const REMEMBERED = MINUTE + 1000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

type Server = Awaited<ReturnType<typeof startServer>>

const kidOf = (token: string | undefined) => decodeProtectedHeader(token ?? '').kid
const pass = (ms: number) => vi.advanceTimersByTime(ms)
const rotate = (server: Server) => runCommand('keys rotate', { env: server.env })
const published = async (server: Server): Promise<JSONWebKeySet> =>
  (await server.fetch('/.well-known/jwks.json')).json()
const kidsOf = (set: JSONWebKeySet) => set.keys.map(({ kid }) => kid)
const verify = (token: string | undefined, set: JSONWebKeySet) =>
  jwtVerify(token ?? '', createLocalJWKSet(set), {
    issuer: ORIGIN,
    audience: ORIGIN,
    typ: 'at+jwt',
    currentDate: new Date(),
  })

/** Time goes by for the keys in the database and for the server's memory. */
async function goBy(server: Server, minutes: number) {
  await server.sql`update jwks set created_at = created_at - make_interval(mins => ${minutes}::int)`
  pass(minutes * MINUTE)
}

test.each(DOORS)(
  'by %s, a rotated key is public before it signs, and the old one while its tokens live',
  async (door) => {
    const server = await startServer()
    const signIn = async () => (await server.client(door, 'TOKEN').register()).data
    const first = await signIn()
    const [old] = kidsOf(await published(server))

    const { code, output } = await rotate(server)
    pass(REMEMBERED)
    const during = await published(server)
    const between = await signIn()
    await goBy(server, 14)
    const early = await signIn()
    await goBy(server, 1)
    pass(REMEMBERED)
    const after = await signIn()
    const [next] = kidsOf(during).filter((kid) => kid !== old)

    expect([code, output]).toEqual([0, expect.stringContaining('A new key was created and published')])
    expect(kidsOf(during)).toHaveLength(2)
    expect([first, between, early].map((grant) => kidOf(grant?.accessToken))).toEqual([old, old, old])
    expect(kidOf(after?.accessToken)).toBe(next)
    // Whoever fetched the keys before the new one signed can verify what it signs, and what the old one signed last.
    await verify(after?.accessToken, during)
    await verify(early?.accessToken, await published(server))
    for (const grant of [early, after]) {
      expect(
        (await server.client(door, 'TOKEN').call('me', undefined, { bearer: grant?.accessToken ?? '' })).data,
      ).not.toBeNull()
    }

    await goBy(server, 15)
    pass(REMEMBERED)
    expect(kidsOf(await published(server))).toHaveLength(2)
    await goBy(server, 2)
    pass(REMEMBERED)
    expect(kidsOf(await published(server)).toSorted()).toEqual([next])
  },
)

test.each(DOORS)(
  'by %s, a token of a retired key has expired and can still log out; nobody can sign anew with it',
  async (door) => {
    const server = await startServer()
    const client = server.client(door, 'TOKEN')
    const { data } = await client.register()
    const token = data?.accessToken ?? ''
    const [row] = await server.sql<{ id: string; private_key: string }[]>`select id, private_key from jwks`
    const stolen = await symmetricDecrypt({
      key: server.env.AUTH_SECRET,
      data: JSON.parse(row?.private_key ?? ''),
    })
    await rotate(server)
    await goBy(server, 120)
    const forged = await new SignJWT({ sid: data?.session.id })
      .setProtectedHeader({ alg: 'EdDSA', kid: row?.id ?? '', typ: 'at+jwt' })
      .setIssuer(ORIGIN)
      .setAudience(ORIGIN)
      .setSubject(data?.user.id ?? '')
      .setJti('forged')
      .setIssuedAt()
      .setExpirationTime('10m')
      .sign(await importJWK(JSON.parse(stolen), 'EdDSA'))
    const present = (bearer: string) => server.client(door, 'TOKEN').call('me', undefined, { bearer })

    expect((await present(token)).reason).toBe('EXPIRED')
    expect((await present(forged)).reason).toBe('INVALID')
    expect(
      (await server.client(door, 'TOKEN').call('logout', undefined, { bearer: token })).code,
    ).toBeUndefined()
    expect((await client.refresh()).reason).toBe('REVOKED')
  },
)

test('a replica that has not read the new key yet takes its tokens', async () => {
  const server = await startServer()
  const { data: before } = await server.client('REST', 'TOKEN').register()
  const replica = await compose(
    { ...loadEnv(server.env), ...server.env } as never,
    await createLog(loadEnv(server.env)),
  )
  try {
    await replica.prepare()
    const ask = (token: string | undefined) =>
      replica.app.request(
        '/auth/me',
        { headers: { authorization: `Bearer ${token}` } },
        { address: () => null },
      )
    const known = await ask(before?.accessToken)
    await rotate(server)
    await server.sql`update jwks set created_at = created_at - interval '16 minutes'`
    await server.restart()
    const { data: after } = await server.client('REST', 'TOKEN').register()
    pass(2000)

    expect(known.status).toBe(200)
    expect(kidOf(after?.accessToken)).not.toBe(kidOf(before?.accessToken))
    expect((await ask(after?.accessToken)).status).toBe(200)
  } finally {
    await replica.close()
  }
})

test('of rotations at once one makes a key, and a later one waits until that signs', async () => {
  const server = await startServer()

  const runs = await Promise.all([rotate(server), rotate(server), rotate(server)])
  const again = await rotate(server)
  await server.sql`update jwks set created_at = created_at - interval '16 minutes'`
  const later = await rotate(server)

  expect(runs.map(({ code }) => code)).toEqual([0, 0, 0])
  expect(runs.filter(({ output }) => output.includes('was created and published'))).toHaveLength(1)
  expect(again).toMatchObject({ code: 0, output: expect.stringContaining('does not sign yet') })
  expect(later.output).toContain('was created and published')
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
    Array.from({ length: 4 }, () => compose({ ...loadEnv(source), ...source } as never, log)),
  )
  try {
    let prepared: Promise<unknown> | undefined
    await database.sql.begin(async (tx) => {
      // Readable and not writable, until two at least have seen that there is no key.
      await tx`lock table jwks in share row exclusive mode`
      prepared = Promise.all(replicas.map((replica) => replica.prepare()))
      for (let turn = 0; turn < 100; turn++) {
        const waiting = await tx`select from pg_locks join pg_database on oid = database
          where not granted and datname = current_database()`
        if (waiting.length > 1) break
        await new Promise((done) => setTimeout(done, 20))
      }
    })
    await prepared

    const sets = await Promise.all(
      replicas.map(
        async ({ app }) => (await app.request('/.well-known/jwks.json')).json() as Promise<JSONWebKeySet>,
      ),
    )
    expect(await database.sql`select from jwks`).toHaveLength(1)
    expect(new Set(sets.map((set) => kidsOf(set).join())).size).toBe(1)
  } finally {
    await Promise.all(replicas.map((replica) => replica.close()))
    await database.drop()
  }
})

test('another AUTH_SECRET rotates nothing, and is told how it is', async () => {
  const server = await startServer()

  const { code, output } = await runCommand('keys rotate', {
    env: { ...server.env, AUTH_SECRET: 'q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0' },
  })

  expect([code, output]).toEqual([1, expect.stringContaining('AUTH_SECRET is not the one')])
  expect(output).not.toContain('q8fK2mVx7Zt1LwBn5JcRh3YdPs9GuEa0')
  expect(await server.sql`select from jwks`).toHaveLength(1)
})

test('the private half of a key that has long been replaced is wiped, and no other', async () => {
  const server = await startServer()
  await rotate(server)
  await server.sql`update jwks set created_at = created_at - interval '25 hours'`
  await rotate(server)
  const { db, close } = createDb(server.env.DATABASE_URL)
  const log = await createLog({ LOG_LEVEL: 'silent', NODE_ENV: 'production' })
  const { sweep, stop } = startHousekeeping({ db, log, eventDays: 30 })

  await sweep()
  await stop()
  await close()

  const rows = await server.sql`select private_key = '' as wiped from jwks order by created_at`
  expect(rows.map(({ wiped }) => wiped)).toEqual([true, false, false])
  await server.restart()
  expect((await server.client('REST', 'TOKEN').register()).data).not.toBeNull()
  const { output } = await runCommand('keys show', { env: server.env })
  expect(output).toMatch(/signs, public until .*\n.*signs from/)
  expect(output.match(/created/g)).toHaveLength(2)
})
