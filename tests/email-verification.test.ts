import { describe, expect, test } from 'vitest'
import { ADAPTERS, account } from './support/client.ts'
import { useServerWithMail } from './support/server.ts'

const server = useServerWithMail()
const strict = useServerWithMail({ REQUIRE_EMAIL_VERIFICATION: 'true' })

describe.each(ADAPTERS)('verification by %s', (adapter) => {
  const stranger = () => server.client(adapter)

  test('a verification link is mailed at registration, works once and makes no session', async () => {
    const { email, password, client } = await server.registerUser(adapter)
    const mail = await server.mailbox.mail(email, /Verify/)

    const { data, headers } = await stranger().call('verifyEmail', { token: mail.token, password })

    expect(mail.text).toContain(`https://app.example.com/account/verify-email#token=`)
    expect(data).toBe(true)
    expect(headers.getSetCookie()).toEqual([expect.stringContaining('-device=')])
    expect((await client.me()).data?.emailVerified).toBe(true)
    expect((await stranger().call('verifyEmail', { token: mail.token })).code).toBe('INVALID_TOKEN')
  })

  test.each([undefined, null, {}, { email: null }])(
    'a verification link that is still valid is mailed again to a signed-in user who sends %j',
    async (input) => {
      const { email, password, client } = await server.registerUser(adapter)
      const first = await server.mailbox.token(email, /Verify/)
      await client.call('requestEmailVerification', input)
      const second = await server.mailbox.token(email, /Verify/, 2)

      expect(second).toBe(first)
      expect((await stranger().call('verifyEmail', { token: second, password })).data).toBe(true)
    },
  )

  test('a changed password ends the link that verifies, and a request mails another at once', async () => {
    const { email, password, client } = await server.registerUser(adapter)
    const token = await server.mailbox.token(email, /Verify/)
    const newPassword = 'another long phrase'

    await client.changePassword({ currentPassword: password, newPassword })
    const former = await stranger().call('verifyEmail', { token, password: newPassword })
    await client.call('requestEmailVerification')
    const next = await server.mailbox.token(email, /Verify/, 2)

    expect(former.code).toBe('INVALID_TOKEN')
    expect((await stranger().call('verifyEmail', { token: next, password: newPassword })).data).toBe(true)
  })

  test('a verification request is answered alike for every address and mails unverified ones only', async () => {
    const unverified = await server.registerUser(adapter)
    const done = await server.registerVerifiedUser(adapter)
    const unknown = account().email

    const emails = [unverified.email, done.email, unknown]
    const answers = await Promise.all(
      emails.map((email) => stranger().call('requestEmailVerification', { email })),
    )
    await server.mailbox.mail(unverified.email, /Verify/, 2)

    const shown = answers.map(({ headers, ...answer }) => ({
      ...answer,
      names: [...headers.keys()].sort(),
    }))
    expect(shown[1]).toEqual(shown[0])
    expect(shown[2]).toEqual(shown[0])
    expect([done.email, unknown].map((email) => server.mailbox.to(email).length)).toEqual([1, 0])
  })

  test('a verification request with an address mails that address, also for a user of another account', async () => {
    const owner = await server.registerUser(adapter)
    const { client, password } = await server.registerVerifiedUser(adapter)
    const pending = account().email
    await client.call('updateMe', { email: pending, currentPassword: password })
    await server.mailbox.token(pending, /Confirm/)

    await client.call('requestEmailVerification', { email: owner.email })
    await client.call('requestEmailVerification', { email: pending })

    const asked = await server.mailbox.token(owner.email, /Verify/, 2)
    const confirmed = await server.mailbox.token(pending, /Confirm/, 2)
    expect((await stranger().call('verifyEmail', { token: asked, password: owner.password })).data).toBe(true)
    expect((await client.call('verifyEmail', { token: confirmed })).data).toBe(true)
  })

  test.each([undefined, {}])(
    'a verification request of a signed-out caller needs an address (%j)',
    async (input) => {
      expect(await stranger().call('requestEmailVerification', input)).toMatchObject({
        code: 'INVALID_INPUT',
        fields: [{ path: 'email' }],
      })
    },
  )

  test('a mailed token acts on the account that it was made for, not on the caller’s', async () => {
    const ada = await server.registerUser(adapter)
    const bob = await server.registerUser(adapter, 'COOKIE')
    const token = await server.mailbox.token(ada.email, /Verify/)

    await bob.client.call('verifyEmail', { token, password: ada.password })

    expect((await ada.client.me()).data?.emailVerified).toBe(true)
    expect((await bob.client.me()).data?.emailVerified).toBe(false)
  })
})

describe.each(ADAPTERS)('required verification by %s', (adapter) => {
  const stranger = () => strict.client(adapter)

  test('a registration is answered alike for a new and a taken address; the owner gets a mail', async () => {
    const { input: owner } = await strict.registerUser(adapter)
    const fresh = account()
    const token = await strict.mailbox.token(owner.email, /Verify/)
    await stranger().call('verifyEmail', { token, password: owner.password })

    const taken = await stranger().register({
      ...owner,
      password: 'another person’s phrase',
      username: 'Eve',
    })
    const free = await stranger().register({ ...fresh, username: 'Eve' })

    const shape = ({ headers, data, ...answer }: typeof taken) => ({
      ...answer,
      names: [...headers.keys()].sort(),
      data: {
        ...data,
        user: { ...data?.user, id: 'id', email: 'email', createdAt: 'time', updatedAt: 'time' },
      },
    })
    expect(shape(taken)).toEqual(shape(free))
    expect(taken.data).toMatchObject({
      session: null,
      accessToken: null,
      accessTokenExpiresAt: null,
      refreshToken: null,
    })
    expect(taken.data?.user).toMatchObject({ email: owner.email, username: 'Eve', emailVerified: false })
    expect(await strict.mailbox.token(owner.email, /already/)).toBe('')
    await strict.mailbox.mail(fresh.email, /Verify/)
    expect(await strict.sql`select from users where email = ${owner.email}`).toHaveLength(1)
  })

  test('registrations of one address at once are all answered as done', async () => {
    const input = account()

    const answers = await Promise.all(Array.from({ length: 5 }, () => stranger().register(input)))

    expect(answers.map(({ code, status }) => [code, status])).toEqual(
      Array(5).fill([undefined, adapter === 'REST' ? 201 : 200]),
    )
    expect(await strict.sql`select from users where email = ${input.email}`).toHaveLength(1)
  })

  test('login before verification is EMAIL_NOT_VERIFIED only with the right password', async () => {
    const { input } = await strict.registerUser(adapter)
    const token = await strict.mailbox.token(input.email, /Verify/)

    const wrong = await stranger().login({ ...input, password: 'not the password' })
    const right = await stranger().login(input)
    await stranger().call('verifyEmail', { token, password: input.password })
    const afterwards = await stranger().login(input)

    expect(wrong.code).toBe('INVALID_CREDENTIALS')
    expect(right).toMatchObject({ code: 'EMAIL_NOT_VERIFIED', status: adapter === 'REST' ? 403 : 200 })
    expect(afterwards.data?.user.emailVerified).toBe(true)
  })
})
