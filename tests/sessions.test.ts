import { beforeAll, describe, expect, test } from 'vitest'
import { account, WAYS } from './support/client.ts'
import { startServer } from './support/server.ts'

let server: Awaited<ReturnType<typeof startServer>>
beforeAll(async () => {
  server = await startServer()
})

describe.each(WAYS)('sessions by $door with $transport', ({ door, transport }) => {
  async function signedIn(times = 1) {
    const input = account()
    const client = server.client(door, transport)
    await client.register(input)
    const others = Array.from({ length: times - 1 }, () => server.client(door, transport))
    for (const other of others) await other.login(input)
    return { ...input, client, others }
  }

  test('are listed newest first, the current one marked, with nothing secret in them', async () => {
    const { client, others } = await signedIn(3)

    const { data } = await client.sessions()
    const fromElsewhere = await others[1]?.sessions()

    expect(data?.map(({ current }) => current)).toEqual([false, false, true])
    expect(fromElsewhere?.data?.map(({ current }) => current)).toEqual([true, false, false])
    expect(Object.keys(data?.[0] ?? {}).sort()).toEqual(
      ['createdAt', 'current', 'expiresAt', 'id', 'ipAddress', 'lastUsedAt', 'userAgent'].sort(),
    )
  })

  test('one is revoked by its id, and is over at once', async () => {
    const { client, others } = await signedIn(2)
    const other = (await client.sessions()).data?.find(({ current }) => !current)

    const { data, status } = await client.revokeSession(other?.id ?? '')

    expect([data, status]).toEqual([true, door === 'REST' ? 204 : 200])
    expect((await others[0]?.me())?.reason).toBe('REVOKED')
    expect((await others[0]?.refresh())?.reason).toBe('REVOKED')
    expect((await client.sessions()).data).toHaveLength(1)
  })

  test('the current one may be revoked too', async () => {
    const { client } = await signedIn()
    const left = client.twin()
    const [current] = (await client.sessions()).data ?? []

    await client.revokeSession(current?.id ?? '')

    expect((await left.me()).reason).toBe('REVOKED')
    if (transport === 'COOKIE') expect(client.kept.cookie).toBeNull()
  })

  test('another user’s, an unknown and a nonsensical id are all NOT_FOUND', async () => {
    const { client } = await signedIn()
    const stranger = await signedIn()
    const [foreign] = (await stranger.client.sessions()).data ?? []

    for (const id of [foreign?.id ?? '', crypto.randomUUID(), 'nonsense', "' or 1=1 --"]) {
      expect(await client.revokeSession(id)).toMatchObject({
        code: 'NOT_FOUND',
        status: door === 'REST' ? 404 : 200,
      })
    }
    expect((await stranger.client.me()).data).not.toBeNull()
  })

  test('all others are revoked and counted', async () => {
    const { client, others } = await signedIn(4)

    const first = await client.revokeOtherSessions()
    const second = await client.revokeOtherSessions()

    expect([first.data, second.data]).toEqual([3, 0])
    for (const other of others) expect((await other.me()).reason).toBe('REVOKED')
    expect((await client.me()).data).not.toBeNull()
  })

  test('need a credential', async () => {
    const client = server.client(door, transport)

    const answers = await Promise.all([
      client.sessions(),
      client.revokeOtherSessions(),
      client.revokeSession('x'),
      client.events(),
    ])
    for (const answer of answers) expect(answer).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'MISSING' })
  })
})

test('a hundred live sessions are kept, the oldest ends', async () => {
  const input = account()
  const first = server.client('REST', 'TOKEN')
  const second = server.client('REST', 'TOKEN')
  const { data } = await first.register(input)
  await second.login(input)
  await server.sql`
    insert into sessions (user_id, token, transport, expires_at, created_at)
    select ${data?.user.id ?? ''}, 'filler ' || n, 'TOKEN', now() + interval '1 day', now() + interval '1 second'
    from generate_series(1, 98) n`

  const last = server.client('REST', 'TOKEN')
  await last.login(input)

  expect((await first.me()).reason).toBe('REVOKED')
  expect((await second.me()).data).not.toBeNull()
  expect((await last.sessions()).data).toHaveLength(100)
})

test('when a session was last used is written at most once a minute', async () => {
  const client = server.client('REST', 'TOKEN')
  const { data } = await client.register()
  const id = data?.session.id ?? ''
  const lastUsed = async () => (await client.sessions()).data?.[0]?.lastUsedAt ?? ''
  const before = await lastUsed()
  await client.me()
  const soon = await lastUsed()
  await server.sql`update sessions set last_used_at = now() - interval '61 seconds' where id = ${id}`
  await server.hears()

  await client.me()

  expect(soon).toBe(before)
  await expect.poll(lastUsed).toSatisfy((time: string) => Date.parse(time) >= Date.parse(before))
})

test('all others are ended beside a change of the password, in one order, and only the live ones are counted', async () => {
  const input = account()
  const changing = server.client('REST', 'TOKEN')
  const revoking = server.client('REST', 'TOKEN')
  const { data } = await changing.register(input)
  await server.sql`
    insert into sessions (user_id, token, transport, expires_at)
    select ${data?.user.id ?? ''}, ${data?.user.id ?? ''} || n, 'TOKEN', now() + (n || ' hours')::interval
    from generate_series(-2, 3) n where n <> 0`
  await revoking.login(input)
  // Its row moves behind the others.
  await changing.refresh()

  let answers: { code?: string; data: unknown }[] = []
  await server.sql.begin(async (tx) => {
    await tx`select from sessions where token = ${`${data?.user.id}3`} for update`
    const revoked = revoking.revokeOtherSessions()
    await new Promise((done) => setTimeout(done, 50))
    const changed = changing.changePassword({
      currentPassword: input.password,
      newPassword: 'another long phrase',
    })
    await new Promise((done) => setTimeout(done, 400))
    void Promise.all([revoked, changed]).then((both) => {
      answers = both
    })
  })
  await expect.poll(() => answers.length, { timeout: 5000 }).toBe(2)

  expect(answers[0]).toMatchObject({ data: 4 })
  expect(answers[1]).toMatchObject({ code: 'UNAUTHENTICATED' })
})
