import { beforeAll, describe, expect, test } from 'vitest'
import { account, DOORS } from './support/client.ts'
import { startServerWithMail } from './support/server.ts'

let server: Awaited<ReturnType<typeof startServerWithMail>>
beforeAll(async () => {
  server = await startServerWithMail()
})

describe.each(DOORS)('events by %s', (door) => {
  async function signedIn() {
    const input = account()
    const client = server.client(door, 'TOKEN')
    const { data } = await client.register(input)
    return { ...input, client, id: data?.user.id ?? '' }
  }
  const kindsOf = async (id: string) =>
    (await server.sql`select kind from events where user_id = ${id} order by created_at, id`).map(
      ({ kind }) => kind,
    )

  test('of one’s own account are shown newest first, with when and from where', async () => {
    const { client, email, password } = await signedIn()
    const other = server.client(door, 'TOKEN')
    await other.call('login', { email, password: 'not the password' })
    await other.call('login', { email, password }, { headers: { 'user-agent': 'Mozilla/5.0\u00a0(\u00e9)' } })

    const { data } = await client.events()

    expect(data?.map(({ kind }) => kind)).toEqual(['login', 'login_failed', 'register'])
    expect(data?.[0]).toMatchObject({ ipAddress: '192.0.2.1', userAgent: 'Mozilla/5.0()' })
    expect(Object.keys(data?.[0] ?? {}).sort()).toEqual(['createdAt', 'id', 'ipAddress', 'kind', 'userAgent'])
  })

  test('are as many as asked for, a hundred at most', async () => {
    const { client, id } = await signedIn()
    await server.sql`insert into events (kind, user_id) select 'login', ${id}::uuid from generate_series(1, 150)`

    expect((await client.events()).data).toHaveLength(20)
    expect((await client.events(3)).data).toHaveLength(3)
    expect((await client.events(100)).data).toHaveLength(100)
    for (const first of [0, -1, 101]) {
      expect(await client.events(first)).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'first' }] })
    }
  })

  test('record every change once', async () => {
    const { client, email, password, id } = await signedIn()
    await client.call('verifyEmail', { token: (await server.mailbox.mail(email, /Verify/)).token })
    const newEmail = account().email
    await client.updateMe({ email: newEmail })
    await client.call('verifyEmail', { token: (await server.mailbox.mail(newEmail, /Confirm/)).token })
    await client.call('undoEmailChange', { token: (await server.mailbox.mail(email, /was changed/)).token })
    await client.login({ email, password })
    await client.refresh()
    await client.refresh()
    await client.changePassword({ currentPassword: password, newPassword: 'another long phrase' })
    await client.call('requestPasswordReset', { email })
    await client.call('resetPassword', {
      token: (await server.mailbox.mail(email, /Reset/)).token,
      newPassword: password,
    })
    await client.login({ email, password })
    const other = server.client(door, 'TOKEN')
    await other.login({ email, password })
    await client.revokeOtherSessions()
    await client.logout()
    await client.login({ email, password })
    await client.deleteMe()

    expect(await kindsOf(id)).toEqual([
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

  test('record a reused token, and the owner is told by mail', async () => {
    const { client, email, id } = await signedIn()
    const thief = client.twin()
    await client.refresh()
    await server.sql`update sessions set rotated_at = now() - interval '31 seconds' where user_id = ${id}`

    await Promise.all(Array.from({ length: 5 }, () => thief.refresh()))

    expect((await kindsOf(id)).filter((kind) => kind === 'refresh_reused')).toHaveLength(1)
    await server.mailbox.mail(email, /session of your account was ended/)
  })

  test('record the failed login of nobody, and a refused origin, with the request id', async () => {
    const client = server.client(door, 'TOKEN')
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
