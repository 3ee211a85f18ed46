import { describe, expect, test } from 'vitest'
import { WAYS } from './support/client.ts'
import { untilWaiting } from './support/locks.ts'
import { useServer } from './support/server.ts'
import { pause } from './support/time.ts'

const server = useServer()

describe.each(WAYS)('sessions by $adapter with $transport', ({ adapter, transport }) => {
  /** A user with this many sessions. */
  async function registerUser(sessions = 1) {
    const { client, input } = await server.registerUser(adapter, transport)
    const others = Array.from({ length: sessions - 1 }, () => server.client(adapter, transport))
    for (const other of others) await other.login(input)
    return { client, others }
  }

  test('sessions are listed newest first, with the current one marked and no secret', async () => {
    const { client, others } = await registerUser(3)

    const { data } = await client.sessions()
    const fromElsewhere = await others[1]?.sessions()

    expect(data?.map(({ current }) => current)).toEqual([false, false, true])
    expect(fromElsewhere?.data?.map(({ current }) => current)).toEqual([true, false, false])
    const shown = 'acr amr authenticatedAt createdAt current expiresAt id ipAddress lastUsedAt userAgent'
    expect(Object.keys(data?.[0] ?? {}).sort()).toEqual(shown.split(' '))
  })

  test('a session that is revoked by its id stops working immediately', async () => {
    const { client, others } = await registerUser(2)
    const other = (await client.sessions()).data?.find(({ current }) => !current)

    const { data, status } = await client.revokeSession(other?.id ?? '')

    expect([data, status]).toEqual([true, adapter === 'REST' ? 204 : 200])
    expect((await others[0]?.me())?.reason).toBe('REVOKED')
    expect((await others[0]?.refresh())?.reason).toBe('REVOKED')
    expect((await client.sessions()).data).toHaveLength(1)
  })

  test('the current session can be revoked too, by any spelling of its id', async () => {
    const { client } = await registerUser()
    const left = client.twin()
    const [current] = (await client.sessions()).data ?? []

    await client.revokeSession(current?.id.toUpperCase() ?? '')

    expect((await left.me()).reason).toBe('REVOKED')
    if (transport === 'COOKIE') expect(client.kept.cookie).toBeNull()
  })

  test("the id of another user's session, an unknown and a malformed id are all NOT_FOUND", async () => {
    const { client } = await registerUser()
    const stranger = await registerUser()
    const [foreign] = (await stranger.client.sessions()).data ?? []

    for (const id of [foreign?.id ?? '', crypto.randomUUID(), 'nonsense', "' or 1=1 --"]) {
      expect(await client.revokeSession(id)).toMatchObject({
        code: 'NOT_FOUND',
        status: adapter === 'REST' ? 404 : 200,
      })
    }
    expect((await stranger.client.me()).data).not.toBeNull()
  })

  test('revokeOtherSessions revokes and counts all other sessions', async () => {
    const { client, others } = await registerUser(4)

    const first = await client.revokeOtherSessions()
    const second = await client.revokeOtherSessions()

    expect([first.data, second.data]).toEqual([3, 0])
    for (const other of others) expect((await other.me()).reason).toBe('REVOKED')
    expect((await client.me()).data).not.toBeNull()
  })

  test('operations on sessions and events need a credential', async () => {
    const client = server.client(adapter, transport)

    const answers = await Promise.all([
      client.sessions(),
      client.revokeOtherSessions(),
      client.revokeSession('x'),
      client.events(),
    ])
    for (const answer of answers) expect(answer).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'MISSING' })
  })
})

test('a user has at most 100 live sessions; the next sign-in ends the oldest', async () => {
  const { client: first, input, user } = await server.registerUser()
  const second = server.client()
  await second.login(input)
  await server.sql`
    insert into sessions (user_id, token, transport, expires_at, created_at)
    select ${user.id}, 'filler ' || n, 'TOKEN', now() + interval '1 day', now() + interval '1 second'
    from generate_series(1, 98) n`

  const last = server.client()
  await last.login(input)

  expect((await first.me()).reason).toBe('REVOKED')
  expect((await second.me()).data).not.toBeNull()
  expect((await last.sessions()).data).toHaveLength(100)
})

test('the time of last use is written at most once a minute', async () => {
  const { client, session } = await server.registerUser()
  const lastUsed = async () => (await client.sessions()).data?.[0]?.lastUsedAt ?? ''
  const before = await lastUsed()
  await client.me()
  const soon = await lastUsed()
  await server.sql`update sessions set last_used_at = now() - interval '61 seconds' where id = ${session.id}`
  await server.catchUp()

  await client.me()

  expect(soon).toBe(before)
  await expect.poll(lastUsed).toSatisfy((time: string) => Date.parse(time) >= Date.parse(before))
})

test('revokeOtherSessions beside a password change ends and counts live sessions only', async () => {
  const { client: changing, input, user } = await server.registerUser()
  const revoking = server.client()
  await server.sql`
    insert into sessions (user_id, token, transport, expires_at)
    select ${user.id}, ${user.id} || n, 'TOKEN', now() + (n || ' hours')::interval
    from generate_series(-2, 3) n where n <> 0`
  await revoking.login(input)
  // The update moves its row behind the others.
  await changing.refresh()

  let answers: { code?: string; data: unknown }[] = []
  await server.sql.begin(async (tx) => {
    await tx`select from sessions where token = ${`${user.id}3`} for update`
    const revoked = revoking.revokeOtherSessions()
    await untilWaiting(server.sql, 1)
    const changed = changing.changePassword({
      currentPassword: input.password,
      newPassword: 'another long phrase',
    })
    await pause(400)
    void Promise.all([revoked, changed]).then((both) => {
      answers = both
    })
  })
  await expect.poll(() => answers.length).toBe(2)

  expect(answers[0]).toMatchObject({ data: 4 })
  expect(answers[1]).toMatchObject({ code: 'UNAUTHENTICATED' })
})

test.each(['revokeOtherSessions', 'revokeSession'] as const)(
  'of two sessions that end each other at once by %s, one stays',
  async (operation) => {
    const { client, input, user } = await server.registerUser()
    const both = [client, server.client()] as const
    await both[1].login(input)
    const ids = await Promise.all(
      both.map(async (one) => (await one.sessions()).data?.find(({ current }) => current)?.id ?? ''),
    )

    let asked: Promise<{ reason?: string | undefined }[]> | undefined
    await server.sql.begin(async (tx) => {
      await tx`select from users where id = ${user.id} for update`
      asked = Promise.all(
        both.map((one, index) =>
          operation === 'revokeSession' ? one.revokeSession(ids[1 - index] ?? '') : one.revokeOtherSessions(),
        ),
      )
      await untilWaiting(server.sql, 2)
    })
    const answers = (await asked) ?? []
    const alive = await Promise.all(both.map(async (one) => (await one.me()).data !== null))

    expect(answers.filter(({ reason }) => reason === 'REVOKED')).toHaveLength(1)
    expect(alive).toEqual(answers.map(({ reason }) => reason !== 'REVOKED'))
  },
)
