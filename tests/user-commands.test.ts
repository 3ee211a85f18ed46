import { beforeAll, describe, expect, test } from 'vitest'
import { account, DOORS, WAYS } from './support/client.ts'
import { runCommand } from './support/process.ts'
import { startServerWithMail } from './support/server.ts'

type Server = Awaited<ReturnType<typeof startServerWithMail>>
let server: Server
let strict: Server
beforeAll(async () => {
  server = await startServerWithMail()
  strict = await startServerWithMail({ REQUIRE_EMAIL_VERIFICATION: 'true' })
})

const servauth = (words: string, from = server) => runCommand(words, { env: from.env })
const kindsOf = async (email: string, from = server) => {
  const rows = await from.sql<{ kind: string }[]>`
    select kind from events where user_id = (select id from users where email = ${email}) order by created_at`
  return rows.map(({ kind }) => kind)
}
const mailIsIdle = () =>
  expect
    .poll(async () => (await server.sql`select from mail_outbox where status = 'PENDING'`).length, {
      timeout: 10_000,
    })
    .toBe(0)

describe.each(WAYS)('a disabled user, by $door with $transport', ({ door, transport }) => {
  test('is refused with every credential at once, and signs in again when enabled', async () => {
    const input = account()
    const [here, there] = [server.client(door, transport), server.client(door, 'TOKEN')]
    await here.register(input)
    await there.login(input)

    const disabled = await servauth(`user disable ${input.email}`)
    const refused = [
      await here.me(),
      await here.refresh(),
      await there.me(),
      await there.refresh(),
      await here.updateMe({ username: 'Ada' }),
      await here.changePassword({ currentPassword: input.password, newPassword: 'another long phrase' }),
      await here.deleteMe({ password: input.password }),
    ]
    const login = await server.client(door, transport).login(input)
    const enabled = await servauth(`user enable ${input.email}`)

    expect(disabled).toMatchObject({ code: 0, output: expect.stringContaining('2 sessions ended') })
    for (const { code, reason } of refused) expect([code, reason]).toEqual(['UNAUTHENTICATED', 'REVOKED'])
    expect(login.code).toBe('INVALID_CREDENTIALS')
    expect(enabled).toMatchObject({ code: 0, output: expect.stringContaining('can sign in again') })
    expect((await here.refresh()).reason).toBe('REVOKED')
    expect((await server.client(door, transport).login(input)).data?.user.email).toBe(input.email)
    expect(await kindsOf(input.email)).toEqual(
      expect.arrayContaining(['account_disabled', 'login_failed', 'account_enabled']),
    )
  })
})

describe.each(DOORS)('a disabled user, by %s', (door) => {
  const stranger = (from = server) => from.client(door, 'TOKEN')
  const disable = (email: string, from = server) =>
    from.sql`update users set disabled_at = now() where email = ${email}`

  test('looks like a wrong password at login, also where the address is not verified', async () => {
    for (const from of [server, strict]) {
      const input = account()
      await stranger(from).register(input)
      await disable(input.email, from)

      const { headers: _, ...right } = await stranger(from).login(input)
      const { headers: __, ...wrong } = await stranger(from).login({ ...input, password: 'not the password' })

      expect(right).toEqual(wrong)
      expect(right.code).toBe('INVALID_CREDENTIALS')
    }
  })

  test('keeps its address taken', async () => {
    const input = account()
    await stranger().register(input)
    await disable(input.email)

    expect((await stranger().register(input)).code).toBe('EMAIL_TAKEN')
  })

  test('is REVOKED at refresh, and not a thief, where a session is left', async () => {
    const input = account()
    const client = stranger()
    await client.register(input)
    const old = client.twin()
    await client.refresh()
    await server.sql`update sessions set rotated_at = now() - interval '1 minute'`
    await disable(input.email)

    expect((await client.refresh()).reason).toBe('REVOKED')
    expect((await old.refresh()).reason).toBe('REVOKED')
    expect(await kindsOf(input.email)).not.toContain('refresh_reused')
  })

  test('gets no mail with a token, and a token mailed before is refused', async () => {
    const input = account()
    await stranger().register(input)
    const verification = await server.mailbox.mail(input.email, /Verify/)
    await stranger().call('requestPasswordReset', { email: input.email })
    const reset = await server.mailbox.mail(input.email, /Reset/)
    const before = server.mailbox.received.filter(({ to }) => to === input.email).length

    const { code } = await servauth(`user disable ${input.email}`)
    await stranger().call('requestPasswordReset', { email: input.email })
    await stranger().call('requestEmailVerification', { email: input.email })
    await mailIsIdle()

    expect(code).toBe(0)
    expect(await server.sql`select from verification where value = ${input.email}`).toHaveLength(0)
    expect(server.mailbox.received.filter(({ to }) => to === input.email)).toHaveLength(before)
    const newPassword = 'another long phrase'
    expect((await stranger().call('verifyEmail', { token: verification.token })).code).toBe('INVALID_TOKEN')
    expect((await stranger().call('resetPassword', { token: reset.token, newPassword })).code).toBe(
      'INVALID_TOKEN',
    )
  })

  test('cannot use a token that is still there, and can after all when enabled', async () => {
    const input = account()
    const client = stranger()
    await client.register(input)
    await stranger().call('verifyEmail', { token: (await server.mailbox.mail(input.email, /Verify/)).token })
    const newEmail = account().email
    await client.updateMe({ email: newEmail })
    await stranger().call('verifyEmail', { token: (await server.mailbox.mail(newEmail, /Confirm/)).token })
    const { token } = await server.mailbox.mail(input.email, /was changed/)

    await servauth(`user disable ${newEmail}`)
    const shut = await stranger().call('undoEmailChange', { token })
    await servauth(`user enable ${newEmail}`)
    const open = await stranger().call('undoEmailChange', { token })

    expect(shut.code).toBe('INVALID_TOKEN')
    expect(open.data).toBe(true)
    expect((await stranger().login(input)).data?.user.email).toBe(input.email)
  })

  test('is not signed in by a login under way', async () => {
    const input = account()
    await stranger().register(input)
    const client = stranger()

    let login: ReturnType<typeof client.login> | undefined
    await server.sql.begin(async (tx) => {
      await tx`update users set disabled_at = now() where email = ${input.email}`
      login = client.login(input)
      await new Promise((done) => setTimeout(done, 300))
    })

    expect((await login)?.code).toBe('INVALID_CREDENTIALS')
    expect(
      await server.sql`select from sessions where user_id =
      (select id from users where email = ${input.email})`,
    ).toHaveLength(1)
  })

  test('has no session left by logins, refreshes and resets beside', async () => {
    const input = account()
    const refreshing = stranger()
    await refreshing.register(input)
    await stranger().call('requestPasswordReset', { email: input.email })
    const { token } = await server.mailbox.mail(input.email, /Reset/)
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
    const { code } = await servauth(`user disable ${input.email}`)
    const reset = await stranger().call('resetPassword', { token, newPassword: 'another long phrase' })
    running = false
    await storm

    expect(code).toBe(0)
    expect(clients.length).toBeGreaterThan(0)
    expect(reset.code).toBe('INVALID_TOKEN')
    for (const client of [refreshing, ...clients]) expect((await client.me()).reason).toBe('REVOKED')
    expect(
      await server.sql`select from sessions where user_id =
      (select id from users where email = ${input.email})`,
    ).toHaveLength(0)
  })

  test('is not disabled by sign-out, which ends every session', async () => {
    const input = account()
    const client = stranger()
    await client.register(input)

    const { code, output } = await servauth(`user sign-out ${input.email.toUpperCase()}`)

    expect([code, output]).toEqual([0, expect.stringContaining('1 session ended')])
    expect((await client.refresh()).reason).toBe('REVOKED')
    expect((await stranger().login(input)).data).not.toBeNull()
    expect(await kindsOf(input.email)).toContain('account_signed_out')
  })
})

test('user show says who it is and what happened, and nothing secret', async () => {
  const input = account()
  const client = server.client('REST', 'TOKEN')
  const { data } = await client.register({ ...input, username: 'Ada' })
  await client.twin().login(input)

  const { code, output } = await servauth(`user show ${input.email}`)
  await servauth(`user disable ${input.email}`)
  const disabled = await servauth(`user show ${input.email}`)

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
  expect(disabled.output).toMatch(/disabled +since 20\d\d-.*\nsessions +none/)
  const [row] = await server.sql`select password from users where email = ${input.email}`
  for (const secret of [row?.password, client.kept.refreshToken, '$argon2id']) {
    expect(output).not.toContain(secret)
  }
})

test('what is done already is said, and done no more', async () => {
  const { email } = account()
  await server.client('REST', 'TOKEN').register({ ...account(), email })

  const enabled = await servauth(`user enable ${email}`)
  await servauth(`user disable ${email}`)
  const again = await servauth(`user disable ${email}`)

  expect(enabled).toMatchObject({ code: 0, output: expect.stringContaining('was not disabled') })
  expect(again).toMatchObject({ code: 0, output: expect.stringContaining('was disabled already') })
  expect((await kindsOf(email)).filter((kind) => kind === 'account_disabled')).toHaveLength(1)
})

test.each(['show', 'disable', 'enable', 'sign-out'])(
  'user %s of an unknown address fails',
  async (command) => {
    const { code, output } = await servauth(`user ${command} nobody@example.com`)

    expect([code, output]).toEqual([
      1,
      expect.stringContaining('no account with the address nobody@example.com'),
    ])
  },
)
