import { beforeAll, describe, expect, test } from 'vitest'
import { account, type Client, DOORS } from './support/client.ts'
import { startServer } from './support/server.ts'

let server: Awaited<ReturnType<typeof startServer>>
beforeAll(async () => {
  server = await startServer()
})

/** Lets the database through again, and waits until it is known which connections are gone. */
async function restore() {
  server.proxy.restore()
  await new Promise((done) => setTimeout(done, 100))
  await expect.poll(async () => (await server.fetch('/ready')).status, { timeout: 5000 }).toBe(200)
}

/** Every operation, by somebody who is signed in and by somebody who is not. */
const everyOperation = (client: Client, stranger: Client, input: object) => [
  client.me(),
  client.refresh(),
  client.logout(),
  client.updateMe({ username: 'Ada' }),
  client.deleteMe(),
  stranger.login(input),
  stranger.register(account()),
]

describe.each(DOORS)('by %s, while the database', (door) => {
  test.each(['cut', 'freeze'] as const)(
    'is %s, nothing is refused or done, and all is well after',
    async (fault) => {
      const input = account()
      const client = server.client(door, 'COOKIE')
      await client.register(input)
      const secret = client.secret()

      server.proxy[fault]()
      const began = performance.now()
      const answers = await Promise.all(everyOperation(client, server.client(door, 'COOKIE'), input))
      const seconds = (performance.now() - began) / 1000
      const notReady = await server.fetch('/ready')
      const alive = await server.fetch('/health')
      server.proxy.restore()

      for (const { code, status, retryAfter, headers } of answers) {
        expect({ code, status, retryAfter }).toEqual({
          code: 'SERVICE_UNAVAILABLE',
          status: door === 'REST' ? 503 : 200,
          retryAfter: 1,
        })
        expect(headers.getSetCookie()).toEqual([])
        expect(headers.get('clear-site-data')).toBeNull()
      }
      expect(seconds).toBeLessThan(4)
      expect([notReady.status, alive.status]).toEqual([503, 200])
      await expect.poll(async () => (await server.fetch('/ready')).status, { timeout: 5000 }).toBe(200)
      expect(client.secret()).toBe(secret)
      expect((await client.me()).data?.email).toBe(input.email)
      expect((await client.refresh()).data?.user.email).toBe(input.email)
      expect((await server.client(door, 'TOKEN').login(input)).data).not.toBeNull()
    },
  )

  test('loses its backends one after another, every answer is right or 503', async () => {
    const client = server.client(door, 'TOKEN')
    const { data } = await client.register()
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
    // The last ones killed may be noticed by whoever comes next.
    await expect.poll(async () => (await client.me()).data?.id, { timeout: 5000 }).toBe(data?.user.id)
    await expect
      .poll(async () => (await client.refresh()).data?.session.id, { timeout: 5000 })
      .toBe(data?.session.id)
  })
})

test('a database that is only slow is waited for within the deadline', async () => {
  const input = account()
  const client = server.client('GraphQL', 'TOKEN')
  await client.register(input)

  server.proxy.slow(60)
  const began = performance.now()
  const answers = [
    await client.refresh(),
    await client.updateMe({ username: 'Ada' }),
    await client.sessions(),
    await server.client('REST', 'TOKEN').login(input),
    await server.client('REST', 'TOKEN').register(),
    await client.changePassword({ currentPassword: input.password, newPassword: 'another long phrase' }),
    await client.logout(),
  ]
  const seconds = (performance.now() - began) / 1000
  await restore()

  expect(answers.map(({ code }) => code)).toEqual(Array(7).fill(undefined))
  // Seven operations of a few round trips, each of 120 ms: it was slow indeed.
  expect(seconds).toBeGreaterThan(2)
})

test('a database that is slower than the deadline is unavailable, and nobody is signed out', async () => {
  const input = account()
  const client = server.client('REST', 'COOKIE')
  await client.register(input)
  const secret = client.secret()

  server.proxy.slow(2500)
  const began = performance.now()
  const answers = await Promise.all([
    client.sessions(),
    client.refresh(),
    client.updateMe({ username: 'Ada' }),
    client.logout(),
    server.client('REST', 'TOKEN').login(input),
    server.client('REST', 'TOKEN').register(),
  ])
  const seconds = (performance.now() - began) / 1000
  // What is under way already reaches the database before the connections are dropped.
  await restore()

  for (const { status, retryAfter, headers } of answers) {
    expect([status, retryAfter]).toEqual([503, 1])
    expect(headers.getSetCookie()).toEqual([])
  }
  expect(seconds).toBeLessThan(4)
  expect(client.secret()).toBe(secret)
  await expect
    .poll(async () => (await server.client('REST', 'TOKEN').login(input)).status, { timeout: 5000 })
    .toBe(200)
})

test('a pool that is used up by one locked account refuses what waits too long, and is free after', async () => {
  const locked = server.client('REST', 'TOKEN')
  const other = server.client('REST', 'TOKEN')
  const { data } = await locked.register()
  await other.register()

  let answers: { status: number }[] = []
  const began = performance.now()
  await server.sql.begin(async (tx) => {
    await tx`select from users where id = ${data?.user.id ?? ''} for update`
    const waiting = Array.from({ length: 60 }, (_, index) => locked.updateMe({ username: `Ada ${index}` }))
    answers = await Promise.all([...waiting, other.sessions()])
  })
  const seconds = (performance.now() - began) / 1000

  expect(answers.slice(0, -1).map(({ status }) => status)).toEqual(Array(60).fill(503))
  expect([200, 503]).toContain(answers.at(-1)?.status)
  expect(seconds).toBeLessThan(5)
  expect((await other.sessions()).status).toBe(200)
  expect((await locked.updateMe({ username: 'Ada' })).status).toBe(200)
})

test('a frozen database runs no refresh late that would look like theft', async () => {
  const client = server.client('REST', 'TOKEN')
  await client.register()
  server.proxy.freeze()

  const lost = await Promise.all(Array.from({ length: 40 }, () => client.refresh()))
  server.proxy.restore()
  await expect.poll(async () => (await server.fetch('/ready')).status, { timeout: 5000 }).toBe(200)

  expect(new Set(lost.map(({ code }) => code))).toEqual(new Set(['SERVICE_UNAVAILABLE']))
  expect((await client.refresh()).data).not.toBeNull()
  expect((await client.refresh()).data).not.toBeNull()
})

test('a database that takes no writes after a failover is unavailable, and nobody is signed out', async () => {
  const input = account()
  const client = server.client('REST', 'COOKIE')
  await client.register(input)
  const setReadOnly = async (value: string) => {
    await server.sql.unsafe(
      `do $$ begin execute format('alter database %I set default_transaction_read_only = ${value}', current_database()); end $$`,
    )
    await server.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'servauth' and datname = current_database()`
  }
  await setReadOnly('on')
  await expect.poll(async () => (await client.me()).status, { timeout: 5000 }).toBe(200)

  const answers = [
    await client.refresh(),
    await client.updateMe({ username: 'Ada' }),
    await server.client('REST', 'TOKEN').login(input),
    await server.client('REST', 'TOKEN').register(),
    await client.logout(),
  ]
  await setReadOnly('off')

  for (const { status, code, headers } of answers) {
    expect([status, code]).toEqual([503, 'SERVICE_UNAVAILABLE'])
    expect(headers.getSetCookie()).toEqual([])
  }
  await expect.poll(async () => (await client.refresh()).status, { timeout: 5000 }).toBe(200)
})

test('a token under a key that cannot be looked up is neither refused nor signed out', async () => {
  const client = server.client('REST', 'COOKIE')
  const { data } = await client.register()
  const [, ...rest] = (data?.accessToken ?? '').split('.')
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid: crypto.randomUUID() }
  const bearer = [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.')
  // The keys that were read a moment ago are taken for all there are.
  await new Promise((done) => setTimeout(done, 1100))

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
  await expect.poll(async () => (await client.me()).status, { timeout: 5000 }).toBe(200)
  expect((await client.call('me', undefined, { bearer })).code).toBe('UNAUTHENTICATED')
})
