import { describe, expect, test } from 'vitest'
import { createDb } from '../src/db/client.ts'
import { DATABASE_LIMITS, type DatabaseLimits } from '../src/db/limits.ts'
import { ADAPTERS, account, type Client } from './support/client.ts'
import { startServer, useServer } from './support/server.ts'
import { pause } from './support/time.ts'

const server = useServer({}, { limits: DATABASE_LIMITS, hasProxy: true })

/** Twice the deadline of a call: a busy machine may answer late, but no answer waits for two deadlines. */
const MAX_SECONDS = (2 * DATABASE_LIMITS.callMs) / 1000

type Repeated<One> = [One, One, One, One, One, One]

/** Restores the database, and waits until the server has noticed which connections are gone. */
async function restore() {
  server.proxy.restore()
  await pause(100)
  await expect.poll(async () => (await server.fetch('/ready')).status).toBe(200)
}

/** Operations of a user who is signed in and of a client that is not. */
const everyOperation = (client: Client, stranger: Client, input: object) => [
  client.me(),
  client.refresh(),
  client.logout(),
  client.updateMe({ username: 'Ada' }),
  client.deleteMe(),
  stranger.login(input),
  stranger.register(account()),
]

describe.each(ADAPTERS)('by %s', (adapter) => {
  test.each([
    ['cut off', 'cut'],
    ['frozen', 'freeze'],
  ] as const)(
    'a database that is %s makes operations unavailable, and they work again after it',
    async (_, fault) => {
      const { client, input } = await server.registerUser(adapter, 'COOKIE')
      const secret = client.secret()

      server.proxy[fault]()
      const began = performance.now()
      const answers = await Promise.all(everyOperation(client, server.client(adapter, 'COOKIE'), input))
      const seconds = (performance.now() - began) / 1000
      const notReady = await server.fetch('/ready')
      const alive = await server.fetch('/health')
      server.proxy.restore()

      for (const { code, status, retryAfter, headers } of answers) {
        expect({ code, status, retryAfter }).toEqual({
          code: 'SERVICE_UNAVAILABLE',
          status: adapter === 'REST' ? 503 : 200,
          retryAfter: 1,
        })
        expect(headers.getSetCookie()).toEqual([])
        expect(headers.get('clear-site-data')).toBeNull()
      }
      expect(seconds).toBeLessThan(MAX_SECONDS)
      expect([notReady.status, alive.status]).toEqual([503, 200])
      await expect.poll(async () => (await server.fetch('/ready')).status).toBe(200)
      expect(client.secret()).toBe(secret)
      expect((await client.me()).data?.email).toBe(input.email)
      expect((await client.refresh()).data?.user.email).toBe(input.email)
      // The pool may have more connections that it does not know to be gone yet.
      await expect
        .poll(async () => (await server.client(adapter).login(input)).data?.user.email)
        .toBe(input.email)
    },
  )

  test('while the database loses its backends, every answer is correct or 503', async () => {
    const { client, user, session } = await server.registerUser(adapter)
    const kill = () => server.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'servauth' and datname = current_database() order by random() limit 3`

    const answers = []
    for (let round = 0; round < 20; round++) {
      const [, ...round] = await Promise.all([
        kill(),
        client.me(),
        client.me(),
        client.me(),
        client.refresh(),
      ])
      answers.push(...round)
    }

    for (const { code } of answers) expect([undefined, 'SERVICE_UNAVAILABLE']).toContain(code)
    // The next request may be the first to notice the backends that were killed last.
    await expect.poll(async () => (await client.me()).data?.id).toBe(user.id)
    await expect.poll(async () => (await client.refresh()).data?.session.id).toBe(session.id)
  })
})

test('the server waits for a slow database within the deadline', async () => {
  // The delay and the limits are five times 60 ms and what clients have, so that a busy machine takes a smaller share of them.
  const limits = Object.fromEntries(Object.entries(DATABASE_LIMITS).map(([name, limit]) => [name, 5 * limit]))
  const far = await startServer({}, { limits: limits as DatabaseLimits, hasProxy: true })
  const people = await Promise.all(Array.from({ length: 6 }, () => far.registerUser('GraphQL')))
  const [one, two, three, four, five, six] = people as Repeated<(typeof people)[0]>

  far.proxy.slow(300)
  const began = performance.now()
  const answers = await Promise.all([
    one.client.refresh(),
    two.client.updateMe({ username: 'Ada' }),
    three.client.sessions(),
    far.client().login(four.input),
    far.client().register(),
    five.client.changePassword({ currentPassword: five.password, newPassword: 'another long phrase' }),
    six.client.logout(),
  ])
  const seconds = (performance.now() - began) / 1000
  far.proxy.restore()

  expect(answers.map(({ code }) => code)).toEqual(Array(7).fill(undefined))
  // The longest has some round trips of 600 ms.
  expect(seconds).toBeGreaterThan(4)
})

test('a database that is slower than the deadline is unavailable and signs no user out', async () => {
  const { client, input } = await server.registerUser('REST', 'COOKIE')
  const secret = client.secret()

  server.proxy.slow(2500)
  const began = performance.now()
  const answers = await Promise.all([
    client.sessions(),
    client.refresh(),
    client.updateMe({ username: 'Ada' }),
    client.logout(),
    server.client().login(input),
    server.client().register(),
  ])
  const seconds = (performance.now() - began) / 1000
  // Statements that are already sent reach the database before the connections are dropped.
  await restore()

  for (const { status, retryAfter, headers } of answers) {
    expect([status, retryAfter]).toEqual([503, 1])
    expect(headers.getSetCookie()).toEqual([])
  }
  expect(seconds).toBeLessThan(MAX_SECONDS)
  expect(client.secret()).toBe(secret)
  await expect.poll(async () => (await server.client().login(input)).status).toBe(200)
})

test('a pool that one locked account exhausts refuses calls that wait too long and recovers', async () => {
  const { client: locked, user } = await server.registerUser()
  const { client: other } = await server.registerUser()

  let answers: { status: number }[] = []
  const began = performance.now()
  await server.sql.begin(async (tx) => {
    await tx`select from users where id = ${user.id} for update`
    const waiting = Array.from({ length: 60 }, (_, index) => locked.updateMe({ username: `Ada ${index}` }))
    answers = await Promise.all([...waiting, other.sessions()])
  })
  const seconds = (performance.now() - began) / 1000

  expect(answers.slice(0, -1).map(({ status }) => status)).toEqual(Array(60).fill(503))
  expect([200, 503]).toContain(answers.at(-1)?.status)
  expect(seconds).toBeLessThan(2 * MAX_SECONDS)
  expect((await other.sessions()).status).toBe(200)
  expect((await locked.updateMe({ username: 'Ada' })).status).toBe(200)
})

test('a refresh that a frozen database delays is not taken for theft later', async () => {
  const { client } = await server.registerUser()
  server.proxy.freeze()

  const lost = await Promise.all(Array.from({ length: 40 }, () => client.refresh()))
  server.proxy.restore()
  await expect.poll(async () => (await server.fetch('/ready')).status).toBe(200)

  expect(new Set(lost.map(({ code }) => code))).toEqual(new Set(['SERVICE_UNAVAILABLE']))
  expect((await client.refresh()).data).not.toBeNull()
  expect((await client.refresh()).data).not.toBeNull()
})

test.each([
  ['is read-only after a failover', 'default_transaction_read_only', 'on', 'off', 200],
  ['has taken the rights of the role', 'role', 'pg_monitor', 'none', 503],
])('a database that %s is unavailable and signs no user out', async (_, setting, value, usual, reads) => {
  const { client, input } = await server.registerUser('REST', 'COOKIE')
  const change = async (to: string) => {
    await server.sql.unsafe(
      `do $$ begin execute format('alter database %I set ${setting} = ${to}', current_database()); end $$`,
    )
    await server.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'servauth' and datname = current_database()`
  }
  await change(value)
  await expect.poll(async () => (await client.refresh()).status).toBe(503)
  await expect.poll(async () => (await client.me()).status).toBe(reads)

  const answers = [
    await client.refresh(),
    await client.updateMe({ username: 'Ada' }),
    await server.client().login(input),
    await server.client().register(),
    await client.logout(),
  ]
  await change(usual)

  for (const { status, code, retryAfter, headers } of answers) {
    expect([status, code, retryAfter]).toEqual([503, 'SERVICE_UNAVAILABLE', 1])
    expect(headers.getSetCookie()).toEqual([])
  }
  await expect.poll(async () => (await client.refresh()).status).toBe(200)
})

test('a token whose key cannot be looked up is answered with 503, not refused', async () => {
  const { client } = await server.registerUser('REST', 'COOKIE')
  const [, ...rest] = (client.kept.accessToken ?? '').split('.')
  const header = { alg: 'ES256', typ: 'at+jwt', kid: crypto.randomUUID() }
  const bearer = [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.')
  // Within a second of the last look-up the server does not look for new keys.
  await pause(1100)

  server.proxy.cut()
  const answers = [
    await client.call('me', undefined, { bearer }),
    await client.call('logout', undefined, { bearer }),
    await client.call('logout', undefined, { bearer, cookie: null }),
  ]
  await restore()

  for (const { status, headers } of answers) {
    expect(status).toBe(503)
    expect(headers.getSetCookie()).toEqual([])
  }
  await expect.poll(async () => (await client.me()).status).toBe(200)
  expect((await client.call('me', undefined, { bearer })).code).toBe('UNAUTHENTICATED')
})

test('a bug inside a transaction is no outage, also if the runtime gives it a code', async () => {
  const { db, close } = createDb({ DATABASE_URL: server.env.DATABASE_URL })

  const work = db.transaction(async () => new URL('nonsense'))

  await expect(work).rejects.toBeInstanceOf(TypeError)
  await close()
})
