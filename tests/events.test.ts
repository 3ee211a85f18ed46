import { describe, expect, test } from 'vitest'
import { ADAPTERS, account } from './support/client.ts'
import { useServerWithMail } from './support/server.ts'

const server = useServerWithMail()

describe.each(ADAPTERS)('events by %s', (adapter) => {
  const registerUser = () => server.registerUser(adapter)

  const countOf = async (id: string, kind: string) =>
    Number((await server.sql`select sum(count) from events where user_id = ${id} and kind = ${kind}`)[0]?.sum)

  test('a user sees the events of their own account, newest first, with time and IP address', async () => {
    const { client, email, password } = await registerUser()
    const other = server.client(adapter)
    await other.call('login', { email, password: 'not the password' })
    await other.call('login', { email, password }, { headers: { 'user-agent': 'Mozilla/5.0\u00a0(\u00e9)' } })

    const { data } = await client.events()

    expect(data?.map(({ kind }) => kind)).toEqual(['login', 'login_failed', 'register'])
    expect(data?.[0]).toMatchObject({ ipAddress: '192.0.2.1', userAgent: 'Mozilla/5.0()' })
    expect(Object.keys(data?.[0] ?? {}).sort()).toEqual([
      'actorId',
      'count',
      'createdAt',
      'detail',
      'id',
      'ipAddress',
      'kind',
      'lastAt',
      'userAgent',
    ])
  })

  test('users who ask at the same moment each get their own events and sessions', async () => {
    const users = await Promise.all(Array.from({ length: 6 }, registerUser))
    const ask = async ({ client }: (typeof users)[number]) => {
      const [events, sessions] = await Promise.all([client.events(), client.sessions()])
      return [...(events.data ?? []), ...(sessions.data ?? [])].map(({ id }) => id)
    }
    const alone = []
    for (const user of users) alone.push(await ask(user))
    const together = await Promise.all([...users, ...users, ...users].map(ask))

    expect(new Set(alone.flat()).size).toBe(2 * users.length)
    expect(together).toEqual([...alone, ...alone, ...alone])
  })

  test('the client chooses how many events it gets, 100 at most', async () => {
    const { client, user } = await registerUser()
    await server.sql`insert into events (kind, user_id) select 'login', ${user.id}::uuid from generate_series(1, 150)`

    expect((await client.events()).data).toHaveLength(20)
    expect((await client.events(3)).data).toHaveLength(3)
    expect((await client.events(100)).data).toHaveLength(100)
    for (const first of [0, -1, 101]) {
      expect(await client.events(first)).toMatchObject({
        code: 'INVALID_INPUT',
        fields: [{ path: 'first', message: 'Must be a whole number from 1 to 100.' }],
      })
    }
  })

  test('events that repeat take one row, which says how often and since when', async () => {
    const { client, email, password } = await registerUser()
    for (let index = 0; index < 3; index++) await client.login({ email, password })

    const { data } = await client.events()

    const [login] = data ?? []
    expect(data?.map(({ kind, count }) => [kind, count])).toEqual([
      ['login', 3],
      ['register', 1],
    ])
    expect(Date.parse(login?.lastAt ?? '')).toBeGreaterThan(Date.parse(login?.createdAt ?? ''))
  })

  test('all events are read page by page, each once', async () => {
    const { client, user } = await registerUser()
    // Half of them at one moment, as events of one transaction are.
    await server.sql`
      insert into events (kind, user_id, last_at)
      select 'login', ${user.id}::uuid, now() - (n / 20) * interval '1 hour' from generate_series(0, 40) n`
    const everything = (await client.events(100)).data?.map((event) => event.id)

    const pages = []
    let after: string | undefined
    for (;;) {
      const { data } = await client.call('events', { first: 10, after })
      if (data?.length === 0) break
      pages.push(data?.map((event) => event.id) ?? [])
      after = data?.at(-1)?.id
    }

    expect(pages.map((page) => page.length)).toEqual([10, 10, 10, 10, 2])
    expect(pages.flat()).toEqual(everything)
  })

  test('an event that repeats between two pages is on the first of them', async () => {
    const { client, email, password, user } = await registerUser()
    await client.login({ email, password })
    await server.sql`insert into events (kind, user_id, last_at) select 'logout', ${user.id}::uuid, now() - n * interval '1 day' from generate_series(1, 6) n`
    const first = (await client.call('events', { first: 2 })).data ?? []
    const last = first.at(-1)?.id
    // The last event of the page moves to the front.
    await server.sql`update events set count = count + 1, last_at = now() where id = ${last ?? ''}`

    const second = (await client.call('events', { first: 100, after: last })).data ?? []

    const seen = new Set([...first, ...second].map((event) => event.id))
    expect(seen.size).toBe(8)
  })

  test('events after an event of another account are INVALID_INPUT', async () => {
    const { client } = await registerUser()
    const { client: other } = await registerUser()
    const [foreign] = (await other.events()).data ?? []

    for (const after of [foreign?.id, crypto.randomUUID(), 'x', '', "' or 1=1 --"]) {
      const answer = await client.call('events', { after })
      expect([after, answer.code, answer.fields?.[0]?.path]).toEqual([after, 'INVALID_INPUT', 'after'])
    }
  })

  test('every change of an account is recorded as one event', async () => {
    const { client, email, password, user } = await registerUser()
    await client.call('verifyEmail', { token: await server.mailbox.token(email, /Verify/), password })
    const newEmail = account().email
    await client.updateMe({ email: newEmail, currentPassword: password })
    await client.call('verifyEmail', { token: await server.mailbox.token(newEmail, /Confirm/) })
    await client.call('undoEmailChange', {
      token: await server.mailbox.token(email, /was changed/),
      newPassword: password,
    })
    await client.login({ email, password })
    await client.refresh()
    await client.refresh()
    await client.changePassword({ currentPassword: password, newPassword: 'another long phrase' })
    await client.call('requestPasswordReset', { email })
    await client.call('resetPassword', {
      token: await server.mailbox.token(email, /Reset/),
      newPassword: password,
    })
    await client.login({ email, password })
    const other = server.client(adapter)
    await other.login({ email, password })
    await client.revokeOtherSessions()
    await client.logout()
    await client.login({ email, password })
    await client.deleteMe({ password })

    expect(await server.eventsOf(user.id)).toEqual([
      'register',
      'email_verified',
      'email_change_requested',
      'email_changed',
      'email_change_undone',
      'login',
      'refresh',
      'password_changed',
      'password_reset_requested',
      'password_reset',
      'sessions_revoked',
      'logout',
      'account_deleted',
    ])
    expect(await countOf(user.id, 'login')).toBe(4)
  })

  test('a reused refresh token is recorded, and the owner gets a mail', async () => {
    const { client, email, user } = await registerUser()
    const thief = client.twin()
    await client.refresh()
    await server.sql`update sessions set rotated_at = now() - interval '31 seconds' where user_id = ${user.id}`
    await client.refresh()

    await Promise.all(Array.from({ length: 5 }, () => thief.refresh()))

    expect((await server.eventsOf(user.id)).filter((kind) => kind === 'refresh_reused')).toHaveLength(1)
    await server.mailbox.mail(email, /session of your account was ended/)
  })

  test('failed logins to unknown addresses and refused origins are recorded with the request id', async () => {
    const client = server.client(adapter)
    const requestId = crypto.randomUUID()
    await client.call('login', account(), { headers: { 'x-request-id': requestId } })
    await client.call('login', account(), {
      headers: { 'x-request-id': requestId, origin: 'https://evil.example' },
    })

    await expect
      .poll(
        () =>
          server.sql`select kind, user_id, ip_address from events where request_id = ${requestId} order by kind`,
      )
      .toEqual([
        { kind: 'login_failed', user_id: null, ip_address: '192.0.2.1' },
        { kind: 'origin_refused', user_id: null, ip_address: '192.0.2.1' },
      ])
  })
})
