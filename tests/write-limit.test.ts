import { describe, expect, test } from 'vitest'
import { type Operation as Definition, needsSession } from '../src/contract/operation.ts'
import { operations } from '../src/contract/operations.ts'
import { DATABASE_LIMITS } from '../src/db/limits.ts'
import { ADAPTERS, type Client, type Operation } from './support/client.ts'
import { BEHIND_PROXY, startServer } from './support/server.ts'
import { pause } from './support/time.ts'

const settings = { THROTTLE: 'on', ...BEHIND_PROXY }
const rename = (client: Client) => client.updateMe({ username: 'Ada' })

describe.each(ADAPTERS)('the writes of a session by %s', (adapter) => {
  test('a session has 120 writes a minute, and another session goes on', async () => {
    const server = await startServer(settings)
    const { client, input } = await server.registerUser(adapter)
    const { client: other } = await server.registerUser(adapter)

    const answers: Awaited<ReturnType<typeof rename>>[] = []
    // Each tab sends its next write when the last one is answered, as a busy database refuses what waits too long.
    const flood = Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let write = 0; write < 25; write++) answers.push(await rename(client))
      }),
    )
    const meanwhile = []
    for (let index = 0; index < 10; index++) meanwhile.push((await rename(other)).code)
    await flood

    const refused = answers.filter(({ code }) => code === 'TOO_MANY_REQUESTS')
    expect(refused).toHaveLength(380)
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([adapter === 'REST' ? 429 : 200]))
    for (const { retryAfter = 0 } of refused) {
      expect(retryAfter).toBeGreaterThan(0)
      expect(retryAfter).toBeLessThanOrEqual(60)
    }
    expect(new Set(meanwhile)).toEqual(new Set([undefined]))
    // The user signs in again and goes on.
    const again = server.client(adapter)
    await again.login(input)
    expect((await rename(again)).code).toBeUndefined()
    expect((await client.me()).data).not.toBeNull()
  })

  test('a session over its limit costs no more writes to the database, and one event', async () => {
    const server = await startServer({ ...settings, THROTTLE_LIMITS: 'writePerSession=3/60' })
    const { client } = await server.registerUser(adapter)
    for (let index = 0; index < 10; index++) await rename(client)
    const points = async () =>
      (await server.sql`select points from throttle where key like 'writePerSession:%'`)[0]?.points
    const counted = await points()

    const answers = await Promise.all(Array.from({ length: 50 }, () => rename(client)))

    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['TOO_MANY_REQUESTS']))
    expect([counted, await points()]).toEqual([4, 4])
    const throttled = await server.sql`select count from events where kind = 'throttled'`
    expect([...throttled]).toEqual([{ count: 1 }])
  })

  test('a thief of an access token uses up neither the changes nor the passwords of the browser', async () => {
    const limits = 'writePerSession=6/60,reauthenticatePerSession=2/900'
    const server = await startServer({ ...settings, THROTTLE_LIMITS: limits })
    const { client, password } = await server.registerUser(adapter, 'COOKIE')
    const stolen = { bearer: client.kept.accessToken }
    const thief = server.client(adapter)
    const guess = { currentPassword: 'not the password', newPassword: 'the thief chooses this one' }
    const codes = []
    for (let index = 0; index < 4; index++) {
      codes.push((await thief.call('changePassword', guess, stolen)).code)
    }
    for (let index = 0; index < 3; index++) {
      codes.push((await thief.call('updateMe', { username: 'Ada' }, stolen)).code)
    }

    expect(codes).toEqual([
      ...Array(2).fill('INVALID_CREDENTIALS'),
      ...Array(2).fill('TOO_MANY_REQUESTS'),
      ...Array(2).fill(undefined),
      'TOO_MANY_REQUESTS',
    ])
    expect((await client.call('revokeOtherSessions')).code).toBeUndefined()
    const newPassword = 'the owner chooses this one'
    const changed = await client.call('changePassword', { currentPassword: password, newPassword })
    expect(changed.code).toBeUndefined()
  })

  test('the writes of a session are all answered soon if the database does not answer', async () => {
    const server = await startServer(settings, { limits: DATABASE_LIMITS, hasProxy: true })
    const { client } = await server.registerUser(adapter)
    await client.me()
    server.proxy.freeze()

    const answers = await Promise.all(Array.from({ length: 30 }, () => rename(client)))
    server.proxy.restore()

    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['SERVICE_UNAVAILABLE']))
  })

  test('the writes of a session run one after another, so at most one of them waits in the database', async () => {
    const server = await startServer(settings)
    const { client, user } = await server.registerUser(adapter)
    const waiting = () => server.sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`

    const writes = await server.sql.begin(async (tx) => {
      await tx`select from users where id = ${user.id} for update`
      const writes = Array.from({ length: 10 }, () => rename(client))
      await expect.poll(waiting).toHaveLength(1)
      await pause(300)
      expect(await waiting()).toHaveLength(1)
      return { answers: Promise.all(writes) }
    })

    expect((await writes.answers).map(({ code }) => code)).toEqual(Array(10).fill(undefined))
  })

  test('every mutation that needs a session is counted, before it does its work', async () => {
    const server = await startServer({ ...settings, THROTTLE_LIMITS: 'writePerSession=1/60' })
    const { client, input } = await server.registerUser(adapter)
    await rename(client)
    const inputs: Partial<Record<Operation, object>> = {
      updateMe: { username: 'Ada' },
      stepUp: { password: input.password },
      changePassword: { currentPassword: input.password, newPassword: 'another long phrase' },
      revokeSession: { id: crypto.randomUUID() },
      addPasskey: { ceremony: crypto.randomUUID(), response: {}, name: 'A device' },
      renamePasskey: { id: crypto.randomUUID(), name: 'A device' },
      removePasskey: { id: crypto.randomUUID() },
      removeFactor: { id: crypto.randomUUID() },
      confirmTotp: { id: crypto.randomUUID(), code: '123456' },
      putRole: { name: 'support', permissions: [] },
      removeRole: { name: 'support' },
      createServiceKey: { name: 'orders', scopes: ['revocations:read'] },
      revokeServiceKey: { id: crypto.randomUUID() },
      setUserRoles: { id: crypto.randomUUID(), roles: [] },
      setUserClaims: { id: crypto.randomUUID(), claims: {} },
      disableUser: { id: crypto.randomUUID() },
      suspendUser: { id: crypto.randomUUID(), until: '2099-12-31T00:00:00Z' },
      enableUser: { id: crypto.randomUUID() },
      endUserSessions: { id: crypto.randomUUID() },
      endUserSession: { id: crypto.randomUUID(), sessionId: crypto.randomUUID() },
      deleteUser: { id: crypto.randomUUID() },
      createUser: { email: 'new@example.com' },
      inviteUser: { email: 'new@example.com' },
      startEmailChange: { id: crypto.randomUUID(), email: 'new@example.com' },
      startPasswordReset: { id: crypto.randomUUID() },
      startFactorRecovery: { id: crypto.randomUUID() },
      resendVerification: { id: crypto.randomUUID() },
      clearLoginWaits: { id: crypto.randomUUID() },
      retryMail: { id: crypto.randomUUID() },
      putWebhook: { url: 'https://example.com/' },
      deleteWebhook: { id: crypto.randomUUID() },
      testWebhook: { id: crypto.randomUUID() },
      replayDeliveries: { webhookId: crypto.randomUUID() },
    }
    const names = Object.entries<Definition>(operations)
      .filter(([, operation]) => needsSession(operation))
      .map(([name]) => name as Operation)

    const answers = []
    for (const name of names) answers.push([name, (await client.call(name, inputs[name])).code])

    expect(names.length).toBeGreaterThanOrEqual(5)
    expect(answers).toEqual(names.map((name) => [name, 'TOO_MANY_REQUESTS']))
    expect((await client.refresh()).code).toBeUndefined()
    expect((await client.logout()).code).toBeUndefined()
  })

  test('a request without a valid credential is UNAUTHENTICATED, and counts for no session', async () => {
    const server = await startServer({ ...settings, THROTTLE_LIMITS: 'writePerSession=1/60' })
    const stranger = server.client(adapter)

    const missing = await stranger.updateMe({ username: 'Ada' })
    const invalid = await stranger.call('updateMe', { username: 'Ada' }, { bearer: 'x.y.z' })

    expect([missing.reason, invalid.reason]).toEqual(['MISSING', 'INVALID'])
    expect(await server.sql`select from throttle where key like 'writePerSession:%'`).toHaveLength(0)
  })
})

test('with THROTTLE=off a session may write without a limit', async () => {
  const server = await startServer({ THROTTLE_LIMITS: 'writePerSession=1/60' })
  const { client } = await server.registerUser()

  for (let index = 0; index < 3; index++) expect((await rename(client)).code).toBeUndefined()
})
