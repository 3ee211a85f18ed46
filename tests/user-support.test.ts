import { describe, expect, test } from 'vitest'
import { MAX_CLEARED } from '../src/auth/throttle/login-waits.ts'
import { addRole, registerAdministrator } from './support/administrator.ts'
import { ADAPTERS, account } from './support/client.ts'
import { startServer, useServerWithMail } from './support/server.ts'
import { insertServiceKey } from './support/service-key.ts'

const server = useServerWithMail()

describe.each(ADAPTERS)('administration by %s', (adapter) => {
  test('creates an account without a password, whose owner chooses one by mail', async () => {
    await addRole(server, `member-${adapter}`, [])
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const { email, password } = account()
    const input = { email, username: 'Ada', roles: [`member-${adapter}`] }

    const created = await admin.client.call('createUser', input)

    expect(created.data).toMatchObject({ ...input, emailVerified: false })
    expect((await admin.client.call('createUser', { email })).code).toBe('EMAIL_TAKEN')
    const token = await server.mailbox.token(email, /created for you/)
    const owner = server.client(adapter)
    await owner.call('requestPasswordReset', { email })
    const reset = await server.mailbox.token(email, /Reset your password/)
    const personal = await owner.call('acceptInvitation', { token, password: email })
    expect(personal).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'password' }] })
    expect((await owner.call('acceptInvitation', { token, password })).data).toBe(true)
    expect((await owner.call('acceptInvitation', { token, password })).code).toBe('INVALID_TOKEN')
    expect(owner.kept.device).not.toBeNull()
    const again = await owner.call('resetPassword', { token: reset, newPassword: 'another long phrase' })
    expect(again.code).toBe('INVALID_TOKEN')
    expect((await owner.login({ email, password })).data?.user).toMatchObject({
      emailVerified: true,
      username: 'Ada',
    })
    expect(await server.eventsOf(created.data?.id ?? '')).toEqual(
      expect.arrayContaining(['user_created', 'roles_changed', 'invitation_accepted', 'login']),
    )
  })

  test('invites again with another link, until the invitation is accepted', async () => {
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const { email, password } = account()
    const invite = () => admin.client.call('inviteUser', { email, roles: [] })

    const { data } = await invite()
    const first = await server.mailbox.token(email, /created for you/)
    expect((await admin.client.call('resendVerification', { id: data?.id })).data).toBe(true)
    await expect.poll(async () => server.mailbox.token(email, /created for you/)).not.toBe(first)
    const second = await server.mailbox.token(email, /created for you/)

    const owner = server.client(adapter)
    expect((await owner.call('acceptInvitation', { token: first, password })).code).toBe('INVALID_TOKEN')
    expect((await owner.call('acceptInvitation', { token: second, password })).data).toBe(true)
    expect((await invite()).code).toBe('EMAIL_TAKEN')
  })

  test('invites no account that has a passkey already, as an imported one can', async () => {
    await addRole(server, `invited-${adapter}`, [])
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const { email } = account()
    const invite = (roles: string[]) => admin.client.call('inviteUser', { email, roles })
    const { data } = await invite([])
    const id = data?.id ?? ''
    await server.sql`insert into factors (user_id, kind, credential_id, public_key) values (${id}, 'PASSKEY', ${id}, 'x')`

    const again = await invite([`invited-${adapter}`])

    expect(again.code).toBe('EMAIL_TAKEN')
    expect((await admin.client.call('user', { id })).data?.roles).toEqual([])
  })

  test('cannot give roles to a new account without the permission for it', async () => {
    await addRole(server, `creator-${adapter}`, ['users:write'])
    const { client } = await registerAdministrator(server, [`creator-${adapter}`], adapter)
    const give = (roles: string[]) => client.call('createUser', { email: account().email, roles })

    expect(await give(['admin'])).toMatchObject({ code: 'FORBIDDEN', permission: 'roles:write' })
    expect((await give([])).code).toBeUndefined()
  })

  test('starts a reset and a recovery of factors by mail', async () => {
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const person = await registerAdministrator(server, [], adapter)
    const act = (name: 'startPasswordReset' | 'startFactorRecovery', id = person.user.id) =>
      admin.client.call(name, { id })

    expect((await act('startFactorRecovery')).data).toEqual({ endsAt: expect.any(String) })
    expect((await act('startPasswordReset')).data).toBe(true)
    const token = await server.mailbox.token(person.email, /Reset/)
    const newPassword = 'a phrase of the owner alone'
    expect((await server.client(adapter).call('resetPassword', { token, newPassword })).data).toBe(true)
    const plain = await server.registerUser(adapter)
    expect((await act('startFactorRecovery', plain.user.id)).code).toBe('NOT_FOUND')
    const acts = await server.sql`select kind from events
      where user_id = ${person.user.id} and actor_id = ${admin.user.id} order by created_at`
    expect(acts.map(({ kind }) => kind)).toEqual(['factor_recovery_started', 'password_reset_requested'])
  })

  test('reads the events of all accounts, filtered and page by page', async () => {
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const { user } = await server.registerUser(adapter)
    await admin.client.call('disableUser', { id: user.id })
    await admin.client.call('enableUser', { id: user.id })
    const list = (input: object) => admin.client.call('auditEvents', input)
    const by = (filter: object) => (adapter === 'REST' ? filter : { filter })

    const mine = by({ actorId: admin.user.id, byAdministrators: true })
    const first = await list({ first: 1, count: true, ...mine })
    const second = await list({ first: 1, after: first.data?.pageInfo.endCursor, ...mine })
    const registered = await list(by({ userId: user.id, kind: 'register' }))

    expect(first.data).toMatchObject({ totalCount: 2, pageInfo: { hasNextPage: true } })
    expect(first.data?.edges[0]?.node).toMatchObject({
      kind: 'account_enabled',
      userId: user.id,
      actorId: admin.user.id,
    })
    expect(second.data?.edges[0]?.node.kind).toBe('account_disabled')
    expect(registered.data?.edges).toHaveLength(1)
  })

  test('shows and ends the waits of an account', async () => {
    const own = await startServer({ THROTTLE: 'on', THROTTLE_LIMITS: 'loginFailures=2/900' })
    const admin = await registerAdministrator(own, ['admin'], adapter)
    const { email, user, input } = await own.registerUser(adapter)
    const stranger = own.client(adapter)
    for (let attempt = 0; attempt < 4; attempt++) await stranger.login({ email, password: 'a wrong phrase' })
    await own.sql`update throttle set expire = now() + interval '1 hour' where key like 'login%'`
    expect((await stranger.login(input)).code).toBe('TOO_MANY_REQUESTS')

    const waits = (await admin.client.call('loginWaits', { id: user.id })).data

    expect(waits).toMatchObject([
      { proof: 'password', failures: expect.any(Number), until: expect.any(String) },
    ])
    expect((await admin.client.call('clearLoginWaits', { id: user.id })).data).toBe(1)
    expect((await admin.client.call('loginWaits', { id: user.id })).data).toEqual([])
    expect((await stranger.login(input)).code).toBeUndefined()
  })

  test('ends the waits of an account ten times a day, so that it cannot guess without a wait', async () => {
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const { user } = await server.registerUser(adapter)
    const clear = () => admin.client.call('clearLoginWaits', { id: user.id })

    for (let call = 0; call < MAX_CLEARED; call++) expect((await clear()).code).toBeUndefined()

    expect(await clear()).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfter: expect.any(Number) })
    await server.sql`
      update events set last_at = last_at - interval '1 day' where user_id = ${user.id} and kind = 'waits_cleared'`
    expect((await clear()).code).toBeUndefined()
  })

  test('does not show a user from where its account was changed', async () => {
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const service = await insertServiceKey(server.sql, ['users:write'])
    const person = await server.registerUser(adapter)
    const from = { headers: { 'user-agent': 'browser of support' } }
    await admin.client.call('disableUser', { id: person.user.id }, from)
    await server.client(adapter).call('enableUser', { id: person.user.id }, { ...from, bearer: service.key })
    const owner = server.client(adapter)
    await owner.login({ email: person.email, password: person.password })

    const { data: events = [] } = await owner.events()
    const { data: all } = await owner.exportMe()
    const audit = await admin.client.call(
      'auditEvents',
      adapter === 'REST' ? { userId: person.user.id } : { filter: { userId: person.user.id } },
    )

    const acts = ['account_enabled', 'account_disabled']
    const ofUser = (list: { kind: string; ipAddress: string | null; userAgent: string | null }[]) =>
      list
        .filter(({ kind }) => acts.includes(kind))
        .map(({ kind, ipAddress, userAgent }) => [kind, ipAddress, userAgent])
    const hidden = acts.map((kind) => [kind, null, null])
    expect(ofUser(events ?? [])).toEqual(hidden)
    expect(ofUser((all?.events ?? []) as never)).toEqual(hidden)
    expect(JSON.stringify(all)).not.toContain('browser of support')
    expect(events?.find(({ kind }) => kind === 'login')?.ipAddress).toBe('192.0.2.1')
    expect(ofUser(audit.data?.edges.map(({ node }) => node) ?? [])).toEqual(
      acts.map((kind) => [kind, '192.0.2.1', 'browser of support']),
    )
  })

  test('shows why a mail has failed, and sends it again', async () => {
    const admin = await registerAdministrator(server, ['admin'], adapter)
    const { email, user } = await server.registerUser(adapter)
    await server.mailbox.token(email, /Verify/)
    const [row] = await server.sql`update mail_outbox set status = 'FAILED', fault = '550 no such user'
      where user_id = ${user.id} returning id`
    const by = (filter: object) => (adapter === 'REST' ? filter : { filter })

    const failed = await admin.client.call('mails', by({ status: 'FAILED', recipient: email.toUpperCase() }))

    expect(failed.data?.edges.map(({ node }) => [node.id, node.fault])).toEqual([
      [row?.id, '550 no such user'],
    ])
    expect((await admin.client.call('retryMail', { id: row?.id })).data).toMatchObject({ status: 'PENDING' })
    await expect
      .poll(async () => (await server.sql`select status from mail_outbox where id = ${row?.id}`)[0]?.status)
      .toBe('SENT')
    expect((await admin.client.call('retryMail', { id: row?.id })).code).toBe('NOT_FOUND')
  })
})
