import { describe, expect, test } from 'vitest'
import { ADAPTERS, account, WAYS } from './support/client.ts'
import { useServerWithMail } from './support/server.ts'
import { pause } from './support/time.ts'

const server = useServerWithMail()
const strict = useServerWithMail({ REQUIRE_EMAIL_VERIFICATION: 'true' })

const untilMailIsIdle = () =>
  expect.poll(async () => (await server.sql`select from mail_outbox where status = 'PENDING'`).length).toBe(0)

describe.each(WAYS)('a disabled user by $adapter with $transport', ({ adapter, transport }) => {
  test('a disabled user is refused with every credential at once, and can sign in when enabled', async () => {
    const { client: here, input, user } = await server.registerUser(adapter, transport)
    const there = server.client(adapter)
    await there.login(input)

    const disabled = await server.command(`user disable ${input.email}`)
    const refused = [
      await here.me(),
      await here.refresh(),
      await there.me(),
      await there.refresh(),
      await here.updateMe({ username: 'Ada' }),
      await here.changePassword({ currentPassword: input.password, newPassword: 'another long phrase' }),
      await here.deleteMe({ password: input.password }),
    ]
    const login = await server.client(adapter, transport).login(input)
    const enabled = await server.command(`user enable ${input.email}`)

    expect(disabled).toMatchObject({ code: 0, output: expect.stringContaining('2 sessions ended') })
    for (const { code, reason } of refused) expect([code, reason]).toEqual(['UNAUTHENTICATED', 'REVOKED'])
    expect(login.code).toBe('INVALID_CREDENTIALS')
    expect(enabled).toMatchObject({ code: 0, output: expect.stringContaining('can sign in again') })
    expect((await here.refresh()).reason).toBe('REVOKED')
    expect((await server.client(adapter, transport).login(input)).data?.user.email).toBe(input.email)
    expect(await server.eventsOf(user.id)).toEqual(
      expect.arrayContaining(['account_disabled', 'login_failed', 'account_enabled']),
    )
  })
})

describe.each(ADAPTERS)('a disabled user by %s', (adapter) => {
  const registerUser = () => server.registerUser(adapter)
  const stranger = () => server.client(adapter)
  const disable = (email: string, from = server) =>
    from.sql`update users set disabled_at = now() where email = ${email}`

  test('a login of a disabled user is answered like a wrong password', async () => {
    for (const from of [server, strict]) {
      const { email, password } = await from.registerUser(adapter)
      await disable(email, from)

      const { headers: _, ...right } = await from.client(adapter).login({ email, password })
      const { headers: __, ...wrong } = await from.client(adapter).login({ email, password: 'not it' })

      expect(right).toEqual(wrong)
      expect(right.code).toBe('INVALID_CREDENTIALS')
    }
  })

  test('the address of a disabled user stays taken', async () => {
    const { input } = await registerUser()
    await disable(input.email)

    expect((await stranger().register(input)).code).toBe('EMAIL_TAKEN')
  })

  test('a refresh of a disabled user is REVOKED and not taken for theft', async () => {
    const { client, email, user } = await registerUser()
    const old = client.twin()
    await client.refresh()
    await server.sql`update sessions set rotated_at = now() - interval '1 minute'`
    await disable(email)

    expect((await client.refresh()).reason).toBe('REVOKED')
    expect((await old.refresh()).reason).toBe('REVOKED')
    expect(await server.eventsOf(user.id)).not.toContain('refresh_reused')
  })

  test('a disabled user gets no mailed token, and earlier ones are refused', async () => {
    const { email } = await registerUser()
    const verification = await server.mailbox.token(email, /Verify/)
    await stranger().call('requestPasswordReset', { email })
    const reset = await server.mailbox.token(email, /Reset/)
    const before = server.mailbox.to(email).length

    const { code } = await server.command(`user disable ${email}`)
    await stranger().call('requestPasswordReset', { email })
    await stranger().call('requestEmailVerification', { email })
    await untilMailIsIdle()

    expect(code).toBe(0)
    expect(await server.sql`select from verification where value = ${email}`).toHaveLength(0)
    expect(server.mailbox.to(email)).toHaveLength(before)
    const newPassword = 'another long phrase'
    expect((await stranger().call('verifyEmail', { token: verification })).code).toBe('INVALID_TOKEN')
    expect((await stranger().call('resetPassword', { token: reset, newPassword })).code).toBe('INVALID_TOKEN')
  })

  test('a disabled user can use an undo link only when enabled again', async () => {
    const { client, input } = await server.registerVerifiedUser(adapter)
    const newEmail = account().email
    await client.updateMe({ email: newEmail, currentPassword: input.password })
    await client.call('verifyEmail', { token: await server.mailbox.token(newEmail, /Confirm/) })
    const token = await server.mailbox.token(input.email, /was changed/)

    await server.command(`user disable ${newEmail}`)
    const shut = await stranger().call('undoEmailChange', { token, newPassword: input.password })
    await server.command(`user enable ${newEmail}`)
    const open = await stranger().call('undoEmailChange', { token, newPassword: input.password })

    expect(shut.code).toBe('INVALID_TOKEN')
    expect(open.data).toBe(true)
    expect((await stranger().login(input)).data?.user.email).toBe(input.email)
  })

  test('a login that was started before the user was disabled is refused', async () => {
    const { input } = await registerUser()
    const client = stranger()

    let login: ReturnType<typeof client.login> | undefined
    await server.sql.begin(async (tx) => {
      await tx`update users set disabled_at = now() where email = ${input.email}`
      login = client.login(input)
      await pause(300)
    })

    expect((await login)?.code).toBe('INVALID_CREDENTIALS')
    expect(
      await server.sql`select from sessions where user_id =
      (select id from users where email = ${input.email})`,
    ).toHaveLength(1)
  })

  test('logins, refreshes and resets beside it leave a disabled user no session', async () => {
    const { client: refreshing, input } = await registerUser()
    await stranger().call('requestPasswordReset', { email: input.email })
    const token = await server.mailbox.token(input.email, /Reset/)
    const clients: ReturnType<typeof stranger>[] = []
    let running = true

    async function signIn() {
      for (let round = 0; running && round < 500; round++) {
        const client = stranger()
        const { data, code } = await client.login(input)
        if (data) clients.push(client)
        else expect(code).toBe('INVALID_CREDENTIALS')
        await refreshing.refresh()
      }
    }
    const storm = Promise.all([signIn(), signIn(), signIn()])
    await expect.poll(() => clients.length, { interval: 5 }).toBeGreaterThan(0)
    const { code } = await server.command(`user disable ${input.email}`)
    const reset = await stranger().call('resetPassword', { token, newPassword: 'another long phrase' })
    running = false
    await storm

    expect(code).toBe(0)
    expect(reset.code).toBe('INVALID_TOKEN')
    for (const client of [refreshing, ...clients]) expect((await client.me()).reason).toBe('REVOKED')
    expect(
      await server.sql`select from sessions where user_id =
      (select id from users where email = ${input.email})`,
    ).toHaveLength(0)
  })

  test('sign-out ends every session of a user and does not disable the user', async () => {
    const { client, input, user } = await registerUser()

    const { code, output } = await server.command(`user sign-out ${input.email.toUpperCase()}`)

    expect([code, output]).toEqual([0, expect.stringContaining('1 session ended')])
    expect((await client.refresh()).reason).toBe('REVOKED')
    expect((await stranger().login(input)).data).not.toBeNull()
    expect(await server.eventsOf(user.id)).toContain('account_signed_out')
  })
})

test('user show prints the user and their events, and no secret', async () => {
  const input = account()
  const client = server.client()
  const { data } = await client.register({ ...input, username: 'Ada' })
  await client.twin().login(input)

  const { code, output } = await server.command(`user show ${input.email}`)
  await server.command(`user disable ${input.email}`)
  const disabled = await server.command(`user show ${input.email}`)

  expect(code).toBe(0)
  for (const words of [
    data?.user.id,
    input.email,
    'not verified',
    'Ada',
    '1 live',
    'register',
    '192.0.2.1',
  ]) {
    expect(output).toContain(words)
  }
  expect(output).toMatch(/disabled +no/)
  expect(disabled.output).toMatch(/disabled +since 20\d\d-.*\nfactors +none\nsessions +none/)
  const [row] = await server.sql`select password from users where email = ${input.email}`
  for (const secret of [row?.password, client.kept.refreshToken, '$argon2id']) {
    expect(output).not.toContain(secret)
  }
})

test('a repeated disable or enable reports that there is nothing to do', async () => {
  const { email, user } = await server.registerUser()

  const enabled = await server.command(`user enable ${email}`)
  await server.command(`user disable ${email}`)
  const again = await server.command(`user disable ${email}`)

  expect(enabled).toMatchObject({ code: 0, output: expect.stringContaining('was not disabled') })
  expect(again).toMatchObject({ code: 0, output: expect.stringContaining('was disabled already') })
  expect((await server.eventsOf(user.id)).filter((kind) => kind === 'account_disabled')).toHaveLength(1)
})

test('disable takes the time after which the user can sign in again', async () => {
  const { email, client } = await server.registerUser()

  const suspended = await server.command(`user disable ${email} --until 2099-01-31T10:15:00+01:00`)
  const shown = await server.command(`user show ${email}`)
  const past = await server.command(`user disable ${email} --until 2020-01-31T10:15:00Z`)
  const wrong = await server.command(`user disable ${email} --until tomorrow`)
  const unknown = await server.command('user disable unknown@example.com --until 2099-01-31T10:15:00Z')
  const forever = await server.command(`user disable ${email} --json`)

  expect(suspended).toMatchObject({
    code: 0,
    output: expect.stringMatching(/until 2099-01-31.* 1 session ended/),
  })
  expect((await client.me()).reason).toBe('REVOKED')
  expect(shown.output).toMatch(/until +2099-01-31/)
  expect([past.code, past.output]).toEqual([1, expect.stringContaining('must be in the future')])
  expect(wrong.output).toContain('It must be a time such as')
  expect(unknown.output).toContain('no account with the address unknown@example.com')
  expect(JSON.parse(forever.output)).toMatchObject({ disabledAt: expect.any(String), disabledUntil: null })
})

test.each(['show', 'disable', 'enable', 'sign-out'])(
  'user %s of an unknown address fails',
  async (command) => {
    const { code, output } = await server.command(`user ${command} nobody@example.com`)

    expect([code, output]).toEqual([
      1,
      expect.stringContaining('no account with the address nobody@example.com'),
    ])
  },
)
