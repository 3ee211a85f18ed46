import { describe, expect, test } from 'vitest'
import { ADAPTERS, account, WAYS } from './support/client.ts'
import { startServerWithMail, useServerWithMail } from './support/server.ts'

const server = useServerWithMail()

const NEW = 'another long phrase'

test.each(['stepUp', 'changePassword'] as const)(
  'a client that lost the answer of %s gets the refresh token by stepUp with its old access token',
  async (operation) => {
    const { client, password } = await server.registerUser('REST', 'TOKEN')
    const device = client.twin()
    const current = operation === 'stepUp' ? password : NEW
    const lost =
      operation === 'stepUp'
        ? await client.stepUp({ password })
        : await client.changePassword({ currentPassword: password, newPassword: NEW })

    const stepped = await device.stepUp({ password: current })

    expect(stepped.data?.session.id).toBe(lost.data?.session.id)
    expect((await device.refresh()).data?.session.id).toBe(lost.data?.session.id)
    expect((await client.refresh()).reason).toBe('REVOKED')
  },
)

describe.each(WAYS)('changePassword by $adapter with $transport', ({ adapter, transport }) => {
  const registerUser = () => server.registerUser(adapter, transport)

  test('changePassword gives this session a new secret and ends all others', async () => {
    const { client, email, password } = await registerUser()
    const other = server.client(adapter, transport)
    await other.login({ email, password })
    const thief = client.twin()

    const { data } = await client.changePassword({ currentPassword: password, newPassword: NEW })

    expect(data?.session.current).toBe(true)
    expect(client.secret()).not.toBe(thief.secret())
    expect((await client.refresh()).data?.session.id).toBe(data?.session.id)
    expect((await other.me()).reason).toBe('REVOKED')
    expect((await thief.refresh()).reason).toBe('REVOKED')
    expect((await client.me()).data?.email).toBe(email)
    expect((await server.client(adapter, transport).login({ email, password })).code).toBe(
      'INVALID_CREDENTIALS',
    )
    expect((await server.client(adapter, transport).login({ email, password: NEW })).data).not.toBeNull()
    expect((await server.mailbox.mail(email, /was changed/)).text).not.toContain('token')
  })

  test('changePassword needs the current password and changes nothing without it', async () => {
    const { client, email, password } = await registerUser()

    const wrong = await client.changePassword({ currentPassword: 'not the password', newPassword: NEW })
    const weak = await client.changePassword({ currentPassword: password, newPassword: 'short' })
    const personal = await client.changePassword({ currentPassword: password, newPassword: email })

    expect(wrong.code).toBe('INVALID_CREDENTIALS')
    expect(weak).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'newPassword' }] })
    expect(personal).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: 'newPassword' }] })
    expect((await server.client(adapter, transport).login({ email, password })).data).not.toBeNull()
  })

  test('of two password changes at once only one succeeds', async () => {
    const { client, email, password } = await registerUser()
    const passwords = ['first long phrase', 'second long phrase']

    const answers = await Promise.all(
      passwords.map((newPassword) =>
        client.twin().changePassword({ currentPassword: password, newPassword }),
      ),
    )

    expect(answers.filter(({ data }) => data).length).toBe(1)
    const logins = await Promise.all(
      [password, ...passwords].map((each) =>
        server.client(adapter, transport).login({ email, password: each }),
      ),
    )
    expect(logins.map(({ data }) => data !== null)).toEqual([
      false,
      ...answers.map(({ data }) => data !== null),
    ])
  })
})

describe.each(ADAPTERS)('a password reset by %s', (adapter) => {
  const registerUser = () => server.registerUser(adapter)
  const stranger = () => server.client(adapter)
  const ask = (email: string) => stranger().call('requestPasswordReset', { email })
  const reset = (token: string, newPassword = NEW) => stranger().call('resetPassword', { token, newPassword })

  test('a reset ends every session, verifies the address and signs no user in', async () => {
    const { client, email, password } = await registerUser()

    await ask(email.toUpperCase())
    const mail = await server.mailbox.mail(email, /Reset your password/)
    const { data, headers } = await reset(mail.token)

    expect(mail.text).toContain(`https://app.example.com/account/reset-password#token=${mail.token}`)
    expect(mail.html).toContain(mail.token)
    expect(data).toBe(true)
    expect(headers.getSetCookie()).toEqual([expect.stringContaining('-device=')])
    expect((await client.me()).reason).toBe('REVOKED')
    expect((await stranger().login({ email, password })).code).toBe('INVALID_CREDENTIALS')
    expect((await stranger().login({ email, password: NEW })).data?.user.emailVerified).toBe(true)
    await server.mailbox.mail(email, /was reset/)
  })

  test('a reset request is answered alike for an unknown address, which gets no mail', async () => {
    const { email } = await registerUser()
    const unknown = account().email

    const answers = await Promise.all([ask(email), ask(unknown)])
    await server.mailbox.mail(email, /Reset your password/)

    const [known, other] = answers.map(({ headers, ...answer }) => ({
      ...answer,
      names: [...headers.keys()].sort(),
    }))
    expect(known).toEqual(other)
    expect(known?.status).toBe(adapter === 'REST' ? 202 : 200)
    expect(server.mailbox.to(unknown)).toEqual([])
  })

  test('twenty uses of one reset token at once have one effect, and later uses none', async () => {
    const { email } = await registerUser()
    await ask(email)
    const token = await server.mailbox.token(email, /Reset your password/)
    const passwords = Array.from({ length: 20 }, (_, index) => `a long phrase no ${index}`)

    const answers = await Promise.all(passwords.map((password) => reset(token, password)))
    const again = await reset(token)

    expect(answers.filter(({ data }) => data === true)).toHaveLength(1)
    expect(new Set(answers.filter(({ data }) => !data).map(({ code }) => code))).toEqual(
      new Set(['INVALID_TOKEN']),
    )
    expect(again).toMatchObject({ code: 'INVALID_TOKEN', status: adapter === 'REST' ? 400 : 200 })
    const winner = passwords[answers.findIndex(({ data }) => data === true)]
    expect((await stranger().login({ email, password: winner })).data).not.toBeNull()
  })

  test('a weak password does not use the token up, and a second request mails it again', async () => {
    const { email } = await registerUser()
    await ask(email)
    const older = await server.mailbox.mail(email, /Reset your password/)
    const weak = await reset(older.token, 'short')
    const personal = await reset(older.token, email)
    await ask(email)
    const again = await server.mailbox.mail(email, /Reset your password/, 2)

    expect([weak.code, personal.code]).toEqual(['INVALID_INPUT', 'INVALID_INPUT'])
    expect(again.token).toBe(older.token)
    expect((await reset(older.token)).data).toBe(true)
    expect((await reset(again.token)).code).toBe('INVALID_TOKEN')
  })

  test('reset tokens that are expired, altered or made for another purpose are refused', async () => {
    const { email, client } = await registerUser()
    await ask(email)
    const token = await server.mailbox.token(email, /Reset your password/)
    const altered = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`

    const refused = [altered, client.kept.refreshToken, 'x', token.slice(1)]
    for (const each of refused) expect((await reset(each ?? '')).code).toBe('INVALID_TOKEN')
    expect((await stranger().call('verifyEmail', { token })).code).toBe('INVALID_TOKEN')
    await server.sql`update verification set expires_at = now() where value = ${email} and purpose = 'PASSWORD_RESET'`
    expect((await reset(token)).code).toBe('INVALID_TOKEN')
    expect((await client.me()).data).not.toBeNull()
  })

  test.each(['changePassword', 'updateMe'] as const)(
    '%s ends an outstanding reset token',
    async (operation) => {
      const { email, password, client } = await registerUser()
      await ask(email)
      const token = await server.mailbox.token(email, /Reset your password/)

      const input = {
        changePassword: { currentPassword: password, newPassword: NEW },
        updateMe: { email: account().email, currentPassword: password },
      }
      await client.call(operation, input[operation])

      expect((await reset(token)).code).toBe('INVALID_TOKEN')
    },
  )

  test('logout does not end an outstanding reset token', async () => {
    const { email, client } = await registerUser()
    await ask(email)
    const token = await server.mailbox.token(email, /Reset your password/)

    await client.logout()

    expect((await reset(token)).data).toBe(true)
  })
})

test('links start with APP_URL, whatever the headers of the request say', async () => {
  const { email } = await server.registerUser()
  const forged = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher' }

  await server.client().call('requestPasswordReset', { email }, { headers: forged })
  const mail = await server.mailbox.mail(email, /Reset your password/)

  expect(mail.text + mail.html + mail.headers).not.toContain('evil')
})

test('no table stores a mailed token in clear', async () => {
  const dump = await server.dump()
  const tokens = server.mailbox.received.map(({ token }) => token).filter(Boolean)

  expect(tokens.length).toBeGreaterThan(10)
  for (const token of tokens) expect(dump).not.toContain(token)
})

test.each(ADAPTERS)(
  'by %s, the minimum length of new passwords and the hash cost are settings',
  async (adapter) => {
    const { input } = await server.registerUser(adapter)
    const strict = await startServerWithMail({
      PASSWORD_MIN_LENGTH: '30',
      ARGON2_MEMORY_KIB: '12288',
      ARGON2_PASSES: '3',
      ARGON2_LANES: '2',
    })
    const [row] = await server.sql`select * from users where email = ${input.email}`
    await strict.sql`insert into users ${strict.sql(row ?? {})}`
    const client = strict.client(adapter)

    const login = await client.login(input)
    const [rehashed] = await strict.sql`select password from users where email = ${input.email}`
    await client.call('requestPasswordReset', { email: input.email })
    const token = await strict.mailbox.token(input.email, /Reset/)
    const short = 'x'.repeat(14) + ' \u{1f600}'.repeat(7)
    const refused = [
      await strict.client(adapter).register({ ...account(), password: short }),
      await client.changePassword({ currentPassword: input.password, newPassword: short }),
      await client.call('resetPassword', { token, newPassword: short }),
    ]
    const taken = await client.call('resetPassword', { token, newPassword: `${short} \u{1f600}` })

    expect(login.data?.user.email).toBe(input.email)
    expect(rehashed?.password).toMatch(/^\$argon2id\$v=19\$m=12288,t=3,p=2\$/)
    for (const [index, path] of ['password', 'newPassword', 'newPassword'].entries()) {
      expect(refused[index]).toMatchObject({
        code: 'INVALID_INPUT',
        fields: [{ path, message: 'Must have at least 30 characters.' }],
      })
    }
    expect(taken.data).toBe(true)
  },
)
