import { describe, expect, test } from 'vitest'
import { ADAPTERS, account } from './support/client.ts'
import { useServerWithMail } from './support/server.ts'

const server = useServerWithMail()

describe.each(ADAPTERS)('events by %s', (adapter) => {
  const registerUser = () => server.registerUser(adapter)

  test('a user sees the events of their own account, newest first, with time and IP address', async () => {
    const { client, email, password } = await registerUser()
    const other = server.client(adapter)
    await other.call('login', { email, password: 'not the password' })
    await other.call('login', { email, password }, { headers: { 'user-agent': 'Mozilla/5.0\u00a0(\u00e9)' } })

    const { data } = await client.events()

    expect(data?.map(({ kind }) => kind)).toEqual(['login', 'login_failed', 'register'])
    expect(data?.[0]).toMatchObject({ ipAddress: '192.0.2.1', userAgent: 'Mozilla/5.0()' })
    expect(Object.keys(data?.[0] ?? {}).sort()).toEqual(['createdAt', 'id', 'ipAddress', 'kind', 'userAgent'])
  })

  test('the client chooses how many events it gets, 100 at most', async () => {
    const { client, user } = await registerUser()
    await server.sql`insert into events (kind, user_id) select 'login', ${user.id}::uuid from generate_series(1, 150)`

    expect((await client.events()).data).toHaveLength(20)
    expect((await client.events(3)).data).toHaveLength(3)
    expect((await client.events(100)).data).toHaveLength(100)
    for (const first of [0, -1, 101]) {
      expect(await client.events(first)).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'first' }] })
    }
  })

  test('every change of an account is recorded as one event', async () => {
    const { client, email, password, user } = await registerUser()
    await client.call('verifyEmail', { token: await server.mailbox.token(email, /Verify/) })
    const newEmail = account().email
    await client.updateMe({ email: newEmail })
    await client.call('verifyEmail', { token: await server.mailbox.token(newEmail, /Confirm/) })
    await client.call('undoEmailChange', { token: await server.mailbox.token(email, /was changed/) })
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
    await client.deleteMe()

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
      'login',
      'login',
      'sessions_revoked',
      'logout',
      'login',
      'account_deleted',
    ])
  })

  test('a reused refresh token is recorded, and the owner gets a mail', async () => {
    const { client, email, user } = await registerUser()
    const thief = client.twin()
    await client.refresh()
    await server.sql`update sessions set rotated_at = now() - interval '31 seconds' where user_id = ${user.id}`

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
