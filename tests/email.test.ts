import { beforeAll, describe, expect, test } from 'vitest'
import { account, DOORS } from './support/client.ts'
import { startServerWithMail } from './support/server.ts'

type Server = Awaited<ReturnType<typeof startServerWithMail>>
let server: Server
let strict: Server
beforeAll(async () => {
  server = await startServerWithMail()
  strict = await startServerWithMail({ REQUIRE_EMAIL_VERIFICATION: 'true' })
})

describe.each(DOORS)('by %s', (door) => {
  const stranger = (from = server) => from.client(door, 'TOKEN')

  async function registered(from = server, transport: 'COOKIE' | 'TOKEN' = 'TOKEN') {
    const input = account()
    const client = from.client(door, transport)
    await client.register(input)
    return { ...input, client }
  }
  async function verified(transport: 'COOKIE' | 'TOKEN' = 'TOKEN') {
    const person = await registered(server, transport)
    const { token } = await server.mailbox.mail(person.email, /Verify/)
    await stranger().call('verifyEmail', { token })
    return person
  }

  describe('verification', () => {
    test('is mailed at registration, works without a session once, and makes none', async () => {
      const { email, client } = await registered()
      const mail = await server.mailbox.mail(email, /Verify/)

      const { data, headers } = await stranger().call('verifyEmail', { token: mail.token })

      expect(mail.text).toContain(`https://app.example.com/account/verify-email#token=`)
      expect(data).toBe(true)
      expect(headers.getSetCookie()).toEqual([])
      expect((await client.me()).data?.emailVerified).toBe(true)
      expect((await stranger().call('verifyEmail', { token: mail.token })).code).toBe('INVALID_TOKEN')
    })

    test('is mailed again on request, signed in or by address, and the newest counts', async () => {
      const { email, client } = await registered()
      const first = await server.mailbox.mail(email, /Verify/)
      await client.call('requestEmailVerification')
      const second = await server.mailbox.mail(email, /Verify/, 2)
      await stranger().call('requestEmailVerification', { email })
      const third = await server.mailbox.mail(email, /Verify/, 3)

      expect((await stranger().call('verifyEmail', { token: first.token })).code).toBe('INVALID_TOKEN')
      expect((await stranger().call('verifyEmail', { token: second.token })).code).toBe('INVALID_TOKEN')
      expect((await stranger().call('verifyEmail', { token: third.token })).data).toBe(true)
    })

    test('asked for by address answers alike for unknown, unverified and verified ones, and mails only who needs it', async () => {
      const unverified = await registered()
      const done = await verified()
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
      const mails = server.mailbox.received.map(({ to }) => to)
      expect([mails.filter((to) => to === done.email).length, mails.includes(unknown)]).toEqual([1, false])
    })

    test('needs an address when signed out', async () => {
      expect(await stranger().call('requestEmailVerification')).toMatchObject({
        code: 'INVALID_INPUT',
        fields: [{ path: 'email' }],
      })
    })
  })

  describe('where verification is required', () => {
    test('a new and a taken address look the same at registration, and the owner is told', async () => {
      const owner = account()
      const fresh = account()
      await stranger(strict).register(owner)
      await strict.mailbox.mail(owner.email, /Verify/)

      const taken = await stranger(strict).register({
        ...owner,
        password: 'somebody else’s phrase',
        username: 'Eve',
      })
      const free = await stranger(strict).register({ ...fresh, username: 'Eve' })

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
      expect((await strict.mailbox.mail(owner.email, /already/)).token).toBe('')
      await strict.mailbox.mail(fresh.email, /Verify/)
      expect(await strict.sql`select from users where email = ${owner.email}`).toHaveLength(1)
    })

    test('two registrations of one address at once look the same too', async () => {
      const input = account()

      const answers = await Promise.all(Array.from({ length: 5 }, () => stranger(strict).register(input)))

      expect(answers.map(({ code, status }) => [code, status])).toEqual(
        Array(5).fill([undefined, door === 'REST' ? 201 : 200]),
      )
      expect(await strict.sql`select from users where email = ${input.email}`).toHaveLength(1)
    })

    test('login before it is refused after the right password only', async () => {
      const input = account()
      await stranger(strict).register(input)
      const { token } = await strict.mailbox.mail(input.email, /Verify/)

      const wrong = await stranger(strict).login({ ...input, password: 'not the password' })
      const right = await stranger(strict).login(input)
      await stranger(strict).call('verifyEmail', { token })
      const afterwards = await stranger(strict).login(input)

      expect(wrong.code).toBe('INVALID_CREDENTIALS')
      expect(right).toMatchObject({ code: 'EMAIL_NOT_VERIFIED', status: door === 'REST' ? 403 : 200 })
      expect(afterwards.data?.user.emailVerified).toBe(true)
    })
  })

  describe('an e-mail change', () => {
    test('of a verified account waits for the new mailbox, and tells the old one', async () => {
      const { email, password, client } = await verified()
      const other = stranger()
      await other.login({ email, password })
      const newEmail = account().email

      const asked = await client.updateMe({ email: newEmail })
      const mail = await server.mailbox.mail(newEmail, /Confirm/)
      const before = await other.me()
      const confirmed = await stranger().call('verifyEmail', { token: mail.token })
      const notice = await server.mailbox.mail(email, /was changed/)

      expect(asked.data).toMatchObject({ email, pendingEmail: newEmail, emailVerified: true })
      expect(before.data?.pendingEmail).toBe(newEmail)
      expect(confirmed.data).toBe(true)
      expect((await client.me()).data).toMatchObject({
        email: newEmail,
        pendingEmail: null,
        emailVerified: true,
      })
      expect((await other.me()).reason).toBe('REVOKED')
      expect(notice.text).toContain(`https://app.example.com/account/undo-email-change#token=`)
      expect((await stranger().login({ email, password })).code).toBe('INVALID_CREDENTIALS')
    })

    test('gives the session that confirms it in its own cookie a new secret', async () => {
      const { client } = await verified('COOKIE')
      const newEmail = account().email
      await client.updateMe({ email: newEmail })
      const { token } = await server.mailbox.mail(newEmail, /Confirm/)
      const thief = client.twin()

      await client.call('verifyEmail', { token })

      expect(client.secret()).not.toBe(thief.secret())
      expect((await thief.refresh()).reason).toBe('REVOKED')
      expect((await client.refresh()).data?.user.email).toBe(newEmail)
    })

    test('can be undone from the old mailbox, also after the taker changed the password and the address again', async () => {
      const { email, password, client } = await verified()
      const [second, third] = [account().email, account().email]
      const change = async (to: string) => {
        await client.updateMe({ email: to, currentPassword: password })
        await stranger().call('verifyEmail', { token: (await server.mailbox.mail(to, /Confirm/)).token })
      }
      await change(second)
      const { token } = await server.mailbox.mail(email, /was changed/)
      await change(third)
      const laterNotice = await server.mailbox.mail(second, /was changed/)
      await client.changePassword({ currentPassword: password, newPassword: 'the taker’s phrase' })

      const { data } = await stranger().call('undoEmailChange', { token })

      expect(data).toBe(true)
      expect((await client.me()).reason).toBe('REVOKED')
      const [row] = await server.sql`select email, email_verified from users where email = ${email}`
      expect(row).toEqual({ email, email_verified: true })
      expect((await stranger().call('undoEmailChange', { token })).code).toBe('INVALID_TOKEN')
      expect((await stranger().call('undoEmailChange', { token: laterNotice.token })).code).toBe(
        'INVALID_TOKEN',
      )
    })

    test('can be undone by the owner although the taker used a later link first', async () => {
      const { email, password, client } = await verified()
      const [second, third] = [account().email, account().email]
      for (const to of [second, third]) {
        await client.updateMe({ email: to, currentPassword: password })
        await stranger().call('verifyEmail', { token: (await server.mailbox.mail(to, /Confirm/)).token })
      }
      const owners = await server.mailbox.mail(email, /was changed/)
      const takers = await server.mailbox.mail(second, /was changed/)

      await stranger().call('undoEmailChange', { token: takers.token })

      expect((await stranger().call('undoEmailChange', { token: owners.token })).data).toBe(true)
      expect((await stranger().login({ email, password })).data?.user.email).toBe(email)
    })

    test('leaves nobody else the old address while it can be put back', async () => {
      const { email, client } = await verified()
      const newEmail = account().email
      await client.updateMe({ email: newEmail })
      await stranger().call('verifyEmail', { token: (await server.mailbox.mail(newEmail, /Confirm/)).token })
      const { token } = await server.mailbox.mail(email, /was changed/)

      const squatter = await stranger().register({ email, password: 'a squatter’s phrase' })
      const undone = await stranger().call('undoEmailChange', { token })

      expect(squatter.code).toBe('EMAIL_TAKEN')
      expect(undone.data).toBe(true)
    })

    test('to a taken address looks like any other, and its owner is told', async () => {
      const { client } = await verified()
      const owner = await verified()
      const free = account().email

      const taken = await client.updateMe({ email: owner.email })
      const other = await client.updateMe({ email: free })
      await server.mailbox.mail(owner.email, /already/)

      expect(taken.data?.pendingEmail).toBe(owner.email)
      expect(Object.keys(taken.data ?? {})).toEqual(Object.keys(other.data ?? {}))
      expect((await owner.client.me()).data?.email).toBe(owner.email)
    })

    test('to an address that was taken meanwhile ends as an invalid link', async () => {
      const { client, email } = await verified()
      const wanted = account()
      await client.updateMe({ email: wanted.email })
      const { token } = await server.mailbox.mail(wanted.email, /Confirm/)
      await stranger().register(wanted)

      expect((await stranger().call('verifyEmail', { token })).code).toBe('INVALID_TOKEN')
      expect((await client.me()).data?.email).toBe(email)
    })

    test('replaced by a newer one leaves the older link useless', async () => {
      const { client } = await verified()
      const [first, second] = [account().email, account().email]
      await client.updateMe({ email: first })
      const older = await server.mailbox.mail(first, /Confirm/)
      await client.updateMe({ email: second })
      const newer = await server.mailbox.mail(second, /Confirm/)

      expect((await stranger().call('verifyEmail', { token: older.token })).code).toBe('INVALID_TOKEN')
      expect((await stranger().call('verifyEmail', { token: newer.token })).data).toBe(true)
      expect((await client.me()).data?.email).toBe(second)
    })

    test('of an unverified account takes effect at once and is verified anew; its old mailbox gets no way in', async () => {
      const { email, client } = await registered()
      const newEmail = account().email

      const { data } = await client.updateMe({ email: newEmail })
      const { token } = await server.mailbox.mail(newEmail, /Verify/)
      const notice = await server.mailbox.mail(email, /was changed/)

      expect(data).toMatchObject({ email: newEmail, emailVerified: false, pendingEmail: null })
      expect(notice.token).toBe('')
      expect(notice.text).not.toContain(newEmail)
      expect((await stranger().call('verifyEmail', { token })).data).toBe(true)
    })

    test('twenty confirmations at once have one effect', async () => {
      const { client } = await verified()
      const newEmail = account().email
      await client.updateMe({ email: newEmail })
      const { token } = await server.mailbox.mail(newEmail, /Confirm/)

      const answers = await Promise.all(
        Array.from({ length: 20 }, () => stranger().call('verifyEmail', { token })),
      )

      expect(answers.filter(({ data }) => data === true)).toHaveLength(1)
      expect((await client.me()).data?.email).toBe(newEmail)
    })
  })

  test('a mailed token acts on the account it was made for, whoever is signed in', async () => {
    const ada = await registered()
    const bob = await registered(server, 'COOKIE')
    const { token } = await server.mailbox.mail(ada.email, /Verify/)

    await bob.client.call('verifyEmail', { token })

    expect((await ada.client.me()).data?.emailVerified).toBe(true)
    expect((await bob.client.me()).data?.emailVerified).toBe(false)
  })
})
