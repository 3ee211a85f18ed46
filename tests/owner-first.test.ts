import { hash } from '@node-rs/argon2'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { MAX_PLACES } from '../src/auth/throttle/places.ts'
import { ADAPTERS, account, type Client, from } from './support/client.ts'
import { BEHIND_PROXY, type ServerWithMail, useServerWithMail } from './support/server.ts'

/**
 * The owner controls the mailbox of an address. A stranger knows the address. A taker has the password or a session.
 * Each of them has a network of its own, behind a trusted proxy.
 */
const [OWNER, STRANGER, TAKER, AWAY] = [1, 2, 3, 4]
/** Networks are new in each test, so that no limit of one test is felt in another. */
let run = 0
beforeEach(() => {
  run++
})
const PROXY = { ...BEHIND_PROXY, THROTTLE: 'on' }

describe.each(ADAPTERS)('by %s', (adapter) => {
  const person = (server: ServerWithMail, role: number, transport: 'COOKIE' | 'TOKEN' = 'COOKIE') =>
    server.client(adapter, transport, `10.${run}.0.${role}`)

  describe('with required verification', () => {
    const server = useServerWithMail({ ...PROXY, REQUIRE_EMAIL_VERIFICATION: 'true' })

    test('each registration of an address has its own link, which activates its own password', async () => {
      const { email, password } = account()
      const [stranger, owner] = [person(server, STRANGER), person(server, OWNER)]
      await stranger.register({ email, password: 'the password of a stranger' })
      const first = await server.mailbox.mail(email, /Verify/)
      const { status } = await owner.register({ email, password })
      const second = await server.mailbox.mail(email, /Verify/, 2)

      const withoutPassword = await owner.call('verifyEmail', { token: second.token })
      const ofAnother = await owner.call('verifyEmail', { token: first.token, password })
      const right = await owner.call('verifyEmail', { token: second.token, password })
      const late = await stranger.call('verifyEmail', {
        token: first.token,
        password: 'the password of a stranger',
      })

      expect(status).toBe(adapter === 'REST' ? 201 : 200)
      expect(withoutPassword.code).toBe('REAUTHENTICATION_REQUIRED')
      expect(ofAnother.code).toBe('INVALID_CREDENTIALS')
      expect(right.data).toBe(true)
      expect(late.code).toBe('INVALID_TOKEN')
      expect((await owner.login({ email, password })).code).toBeUndefined()
      expect((await stranger.login({ email, password: 'the password of a stranger' })).code).toBe(
        'EMAIL_NOT_VERIFIED',
      )
    })

    test('any live verification link lets the owner of the mailbox set a password, and voids what was set up', async () => {
      const { email, password } = account()
      const stranger = { email, password: 'the password of a stranger', username: 'Mallory' }
      await person(server, STRANGER).register(stranger)
      const { token } = await server.mailbox.mail(email, /Verify/)
      const owner = person(server, OWNER)

      const reset = await owner.call('resetPassword', { token, newPassword: password })

      expect(reset.data).toBe(true)
      const { data } = await owner.login({ email, password })
      expect(data?.user).toMatchObject({ emailVerified: true, username: null })
    })

    test('strangers who guess do not make the owner of a new address wait', async () => {
      const { email, password } = account()
      const owner = person(server, OWNER)
      await owner.register({ email, password })
      const { token } = await server.mailbox.mail(email, /Verify/)
      const guesses = []
      for (let count = 0; count < 6; count++) {
        guesses.push(await person(server, STRANGER).login({ email, password: 'a wrong password' }))
      }

      const verified = await owner.call('verifyEmail', { token, password })
      const login = await owner.login({ email, password })

      expect(guesses.at(-1)?.code).toBe('TOO_MANY_REQUESTS')
      expect(verified.code).toBeUndefined()
      expect(login.data?.user).toMatchObject({ email, emailVerified: true })
    })

    test('passwords that the server knows to be wrong count, also if it cannot finish its answer', async () => {
      const { email, password } = account()
      await person(server, OWNER).register({ email, password })
      const { token } = await server.mailbox.mail(email, /Verify/)
      await person(server, OWNER).call('verifyEmail', { token, password })
      const stranger = person(server, STRANGER)
      await server.sql`alter table registrations rename to registrations_away`
      onTestFinished(async () => {
        await server.sql`alter table registrations_away rename to registrations`
      })
      const codes = []

      for (let guess = 0; guess < 6; guess++) {
        codes.push((await stranger.login({ email, password: `not it ${guess}` })).code)
      }

      expect(codes.slice(0, 5)).not.toContain('INVALID_CREDENTIALS')
      expect(codes[5]).toBe('TOO_MANY_REQUESTS')
    })

    test('a neighbour who invents tokens does not use up those that the owner was mailed', async () => {
      const { email, password } = account()
      const [owner, neighbour] = [person(server, OWNER), person(server, OWNER)]
      await owner.register({ email, password })
      const { token } = await server.mailbox.mail(email, /Verify/)
      const invented = []
      for (let count = 0; count < 11; count++) {
        invented.push((await neighbour.call('verifyEmail', { token: 'x'.repeat(60), password })).code)
      }

      const verified = await owner.call('verifyEmail', { token, password })
      const used = []
      for (let count = 0; count < 10; count++) {
        used.push((await owner.call('resetPassword', { token, newPassword: password })).code)
      }

      expect(invented).toEqual([...Array(10).fill('INVALID_TOKEN'), 'TOO_MANY_REQUESTS'])
      expect(verified.data).toBe(true)
      expect(used).toEqual([...Array(9).fill('INVALID_TOKEN'), 'TOO_MANY_REQUESTS'])
    })

    test('a neighbour who uses up the sign-ins of the network keeps no new user of it out', async () => {
      const { email, password } = account()
      const [owner, neighbour] = [person(server, OWNER), person(server, OWNER)]
      await owner.register({ email, password })
      const { token } = await server.mailbox.mail(email, /Verify/)
      const attempts = []
      for (let count = 0; count < 21; count++) attempts.push((await neighbour.login(account())).code)

      const verified = await owner.call('verifyEmail', { token, password })
      const login = await owner.login({ email, password })

      expect(attempts.at(-1)).toBe('TOO_MANY_REQUESTS')
      expect(verified.code).toBeUndefined()
      expect(login.code).toBeUndefined()
    })

    test('guesses with a mailed token are counted too, and make no sign-in wait', async () => {
      const { email, password } = account()
      const owner = person(server, OWNER)
      await owner.register({ email, password })
      const { token } = await server.mailbox.mail(email, /Verify/)
      const codes = []
      for (let count = 0; count < 6; count++) {
        codes.push((await owner.call('verifyEmail', { token, password: 'a wrong password' })).code)
      }

      const login = await person(server, AWAY).login({ email, password })

      expect(codes).toEqual([...Array(5).fill('INVALID_CREDENTIALS'), 'TOO_MANY_REQUESTS'])
      expect(login.code).toBe('EMAIL_NOT_VERIFIED')
    })

    test('a sign-in after a registration does not show whether the address was free', async () => {
      const [taken, free, left] = [account(), account(), account()]
      for (const { email, password } of [taken, left]) {
        await person(server, OWNER).register({ email, password })
        const { token } = await server.mailbox.mail(email, /Verify/)
        await person(server, OWNER).call('verifyEmail', { token, password })
      }
      const owner = person(server, OWNER)
      await owner.login(left)
      const newEmail = account().email
      await owner.updateMe({ email: newEmail, currentPassword: left.password })
      const { token } = await server.mailbox.mail(newEmail, /Confirm/)
      await owner.call('verifyEmail', { token })

      const password = 'the password of a stranger'
      const answers = []
      for (const { email } of [taken, free, left]) {
        const stranger = person(server, STRANGER)
        const registered = await stranger.register({ email, password })
        const wrong = await stranger.login({ email, password: 'not the password' })
        const right = await stranger.login({ email, password })
        answers.push([registered.status, wrong.code, right.code])
      }

      const status = adapter === 'REST' ? 201 : 200
      expect(new Set(answers.map(String))).toEqual(
        new Set([String([status, 'INVALID_CREDENTIALS', 'EMAIL_NOT_VERIFIED'])]),
      )
      expect((await person(server, OWNER).login(taken)).code).toBeUndefined()
    })

    test('a registration changes nothing of an account that had a password before', async () => {
      const { email, password } = account()
      const owner = person(server, OWNER)
      await owner.register({ email, password, username: 'Ada' })
      await server.mailbox.mail(email, /Verify/)
      // As an import leaves an account: not verified, with a password and without a registration.
      const imported = await hash(password, { algorithm: 2, memoryCost: 64, timeCost: 1, parallelism: 1 })
      await server.sql`update users set password = ${imported} where email = ${email}`
      await server.sql`delete from registrations`
      await server.sql`delete from verification`

      const stranger = { email, password: 'the password of a stranger' }
      await person(server, STRANGER).register({ ...stranger, username: 'Mallory' })
      const { token } = await server.mailbox.mail(email, /Verify/, 2)

      expect((await owner.login({ email, password })).code).toBe('EMAIL_NOT_VERIFIED')
      expect((await owner.call('verifyEmail', { token, password })).data).toBe(true)
      expect((await owner.login({ email, password })).data?.user.username).toBe('Ada')
      expect((await person(server, STRANGER).login(stranger)).code).toBe('EMAIL_NOT_VERIFIED')
    })

    test('a new link is about the registration of the place that asks for it', async () => {
      const { email, password } = account()
      const owner = person(server, OWNER)
      await owner.register({ email, password })
      await server.mailbox.mail(email, /Verify/)
      await server.sql`update verification set expires_at = now()`
      await person(server, STRANGER).register({ email, password: 'the password of a stranger' })
      await server.mailbox.mail(email, /Verify/, 2)

      await owner.call('requestEmailVerification', { email })
      const { token } = await server.mailbox.mail(email, /Verify/, 3)

      expect((await owner.call('verifyEmail', { token, password })).data).toBe(true)
      expect((await owner.login({ email, password })).code).toBeUndefined()
    })
  })

  describe('without required verification', () => {
    const server = useServerWithMail(PROXY)

    async function verified() {
      const input = account()
      const owner = person(server, OWNER)
      await owner.register(input)
      const { token } = await server.mailbox.mail(input.email, /Verify/)
      await owner.call('verifyEmail', { token })
      return { ...input, owner }
    }

    /** Changes the address as a taker who has the password, and confirms it from the new mailbox. */
    async function takenOver() {
      const victim = await verified()
      const taker = person(server, TAKER)
      const newEmail = account().email
      const { email, password } = victim
      await taker.login({ email, password })
      await taker.updateMe({ email: newEmail, currentPassword: password })
      const { token } = await server.mailbox.mail(newEmail, /Confirm/)
      expect((await taker.call('verifyEmail', { token })).data).toBe(true)
      return { ...victim, taker, newEmail }
    }

    test('a link to an account of a stranger confirms nothing, and sets a password of the owner', async () => {
      const { email, password } = account()
      const stranger = person(server, STRANGER)
      await stranger.register({ email, password: 'the password of a stranger' })
      const { token } = await server.mailbox.mail(email, /Verify/)
      const owner = person(server, OWNER)

      const click = await owner.call('verifyEmail', { token })
      const reset = await owner.call('resetPassword', { token, newPassword: password })

      expect(click.code).toBe('REAUTHENTICATION_REQUIRED')
      expect(reset.data).toBe(true)
      expect((await stranger.me()).code).toBe('UNAUTHENTICATED')
      expect((await stranger.login({ email, password: 'the password of a stranger' })).code).toBe(
        'INVALID_CREDENTIALS',
      )
      expect((await owner.login({ email, password })).data?.user.emailVerified).toBe(true)
    })

    test('a change of a stranger’s account is not confirmed by a click in another mailbox', async () => {
      const { owner: stranger, password } = await verified()
      const { email: victim } = account()
      await stranger.updateMe({ email: victim, currentPassword: password })
      const { token } = await server.mailbox.mail(victim, /Confirm/)

      const click = await person(server, OWNER).call('verifyEmail', { token })

      expect(click.code).toBe('REAUTHENTICATION_REQUIRED')
      expect((await stranger.me()).data).toMatchObject({ pendingEmail: victim })
    })

    test('undo locks the password of the taker, and a mail leads to a new one', async () => {
      const { email, password, owner } = await takenOver()
      const { token } = await server.mailbox.mail(email, /was changed/)

      const undo = await owner.call('undoEmailChange', { token })
      const withOldPassword = await person(server, TAKER).login({ email, password })
      const reset = await server.mailbox.mail(email, /Reset/)
      await owner.call('resetPassword', { token: reset.token, newPassword: 'a phrase of the owner' })

      expect(undo.data).toBe(true)
      expect(withOldPassword.code).toBe('INVALID_CREDENTIALS')
      expect((await owner.login({ email, password: 'a phrase of the owner' })).code).toBeUndefined()
    })

    test('undo sets a new password by the same link', async () => {
      const { email, password, owner, taker } = await takenOver()
      const { token } = await server.mailbox.mail(email, /was changed/)

      await owner.call('undoEmailChange', { token, newPassword: 'a phrase of the owner' })

      expect((await taker.me()).code).toBe('UNAUTHENTICATED')
      expect((await taker.login({ email, password })).code).toBe('INVALID_CREDENTIALS')
      expect((await owner.login({ email, password: 'a phrase of the owner' })).code).toBeUndefined()
    })

    test('the former address stays reserved for its owner although the mail was never sent', async () => {
      const { email } = await takenOver()
      await server.mailbox.mail(email, /was changed/)
      await server.sql`delete from mail_outbox where recipient = ${email}`

      const attempt = await person(server, TAKER).register({ ...account(), email })

      expect(attempt.code).toBe('EMAIL_TAKEN')
    })

    test('a pending change ends with the session that asked for it', async () => {
      const { email, password, owner } = await verified()
      const taker = person(server, TAKER)
      await taker.login({ email, password })
      const newEmail = account().email
      await taker.updateMe({ email: newEmail, currentPassword: password })
      const { token } = await server.mailbox.mail(newEmail, /Confirm/)

      await owner.revokeOtherSessions()

      expect((await owner.me()).data?.pendingEmail).toBeNull()
      expect((await taker.call('verifyEmail', { token, password })).code).toBe('INVALID_TOKEN')
    })

    test('the current address gets a mail about a requested change, with a link that cancels it', async () => {
      const { email, password, owner } = await verified()
      const newEmail = account().email
      await owner.updateMe({ email: newEmail, currentPassword: password })
      const confirm = await server.mailbox.mail(newEmail, /Confirm/)
      const { token } = await server.mailbox.mail(email, /was requested/)

      const cancel = await person(server, OWNER).call('cancelEmailChange', { token })

      expect(cancel.data).toBe(true)
      expect((await owner.me()).data).toMatchObject({ email, pendingEmail: null })
      expect((await owner.call('verifyEmail', { token: confirm.token })).code).toBe('INVALID_TOKEN')
    })

    test('cancelling a change leaves a reset link valid', async () => {
      const { email, password, owner } = await verified()
      await owner.updateMe({ email: account().email, currentPassword: password })
      const cancel = await server.mailbox.mail(email, /was requested/)
      await owner.call('requestPasswordReset', { email })
      const reset = await server.mailbox.mail(email, /Reset/)

      await owner.call('cancelEmailChange', { token: cancel.token })

      const { data } = await owner.call('resetPassword', { token: reset.token, newPassword: 'a new phrase' })
      expect(data).toBe(true)
    })

    test('no link that confirms a change outlives the link that cancels it', async () => {
      const { email, password } = await verified()
      const taker = person(server, TAKER)
      await taker.login({ email, password })
      const newEmail = account().email
      await taker.updateMe({ email: newEmail, currentPassword: password })
      const cancel = await server.mailbox.mail(email, /was requested/)
      await server.mailbox.mail(newEmail, /Confirm/)
      await server.sql`update verification set expires_at = expires_at - interval '71 hours 30 minutes'`

      await taker.call('requestEmailVerification')
      await server.mailbox.mail(newEmail, /Confirm/, 2)
      const expiries = await server.sql`
        select expires_at from verification
        where purpose = 'EMAIL_CHANGE_CANCEL' and value = ${email} or value = ${newEmail}`
      const cancelled = await person(server, OWNER).call('cancelEmailChange', { token: cancel.token })
      await taker.call('requestEmailVerification')

      expect(expiries).toHaveLength(2)
      expect(Number(expiries[0]?.expires_at)).toBe(Number(expiries[1]?.expires_at))
      expect(cancelled.data).toBe(true)
      expect((await taker.me()).data?.pendingEmail).toBeNull()
    })

    test('a bearer alone changes no address and deletes no account, also in a fresh session', async () => {
      const input = account()
      const client = person(server, OWNER, 'TOKEN')
      await client.register(input)

      const change = await client.updateMe({ email: account().email })
      const deletion = await client.deleteMe()

      expect([change.code, deletion.code]).toEqual(['REAUTHENTICATION_REQUIRED', 'REAUTHENTICATION_REQUIRED'])
      expect((await client.deleteMe({ password: input.password })).data).toBe(true)
    })

    test('a sign-in is mailed if the last one is so long ago that no place is known', async () => {
      const { email, password } = await verified()
      await server.sql`delete from places where user_id = (select id from users where email = ${email})`
      await server.sql`update users set created_at = now() - interval '91 days' where email = ${email}`

      await person(server, TAKER).login({ email, password })

      await server.mailbox.mail(email, /New sign-in/)
    })

    test('a sign-in from a new place is mailed, and the link in it ends it', async () => {
      const { email, password, owner } = await verified()
      const taker = person(server, TAKER)
      await taker.login({ email, password })
      const { token } = await server.mailbox.mail(email, /New sign-in/)

      const report = await person(server, OWNER).call('reportSignIn', {
        token,
        newPassword: 'a phrase of the owner',
      })

      expect(report.data).toBe(true)
      expect((await taker.me()).code).toBe('UNAUTHENTICATED')
      expect((await taker.login({ email, password })).code).toBe('INVALID_CREDENTIALS')
      expect((await owner.login({ email, password: 'a phrase of the owner' })).code).toBeUndefined()
      const kinds = (await owner.events(100)).data?.map(({ kind }) => kind)
      expect(kinds).toEqual(expect.arrayContaining(['login_new_place', 'sign_in_reported']))
    })

    test('a sign-in from a known place is not mailed', async () => {
      const { email, password } = await verified()

      await person(server, OWNER).login({ email, password })

      const kinds =
        await server.sql`select kind from mail_outbox where recipient = ${email} and kind = 'sign-in'`
      expect(kinds).toHaveLength(0)
    })

    test('a taker who keeps changing the password does not keep its owner from resetting it', async () => {
      const { email, password } = await verified()
      const [owner, taker] = [person(server, AWAY), person(server, OWNER)]
      await taker.login({ email, password })
      const passwords = [password, 'one phrase', 'a second phrase', 'a third phrase', 'a fourth phrase']
      const [changes, resets] = [[] as unknown[], [] as unknown[]]

      for (const [turn, newPassword] of passwords.slice(1).entries()) {
        await owner.call('requestPasswordReset', { email })
        const token = await server.mailbox.token(email, /Reset/, turn + 1)
        const change = await taker.changePassword({ currentPassword: passwords[turn], newPassword })
        const reset = await owner.call('resetPassword', { token, newPassword: 'a phrase of the owner' })
        changes.push(change.code)
        resets.push(reset.code)
      }

      expect(changes).toEqual([undefined, undefined, undefined, 'TOO_MANY_REQUESTS'])
      expect(resets).toEqual(['INVALID_TOKEN', 'INVALID_TOKEN', 'INVALID_TOKEN', undefined])
      expect((await taker.me()).code).toBe('UNAUTHENTICATED')
      expect((await owner.login({ email, password: 'a phrase of the owner' })).data?.user.email).toBe(email)
    })

    test('a browser becomes known by its sign-in, however many networks the user’s telephone was in', async () => {
      const { email, password } = await verified()
      const telephone = person(server, OWNER, 'TOKEN')
      await telephone.login({ email, password })
      const secret = { refreshToken: telephone.kept.refreshToken }
      const networks = Array.from({ length: MAX_PLACES }, (_, index) => from(`198.18.0.${index}`))
      await Promise.all(networks.map((network) => telephone.call('refresh', secret, network)))
      const browser = person(server, TAKER)
      await browser.login({ email, password })

      await browser.login({ email, password })

      const { data: events } = await browser.events(100)
      const ofNewPlaces = events?.filter(({ kind }) => kind.endsWith('_new_place'))
      expect(ofNewPlaces?.map(({ kind }) => kind)).toContain('refresh_new_place')
      expect(ofNewPlaces?.filter(({ kind }) => kind === 'login_new_place')).toMatchObject([{ count: 1 }])
    })

    test('failures of strangers never make a known network wait, and its success does not help them', async () => {
      const { email, password } = await verified()
      const stranger = person(server, STRANGER)
      await failUntilRefused(stranger, email)

      const owner = await person(server, OWNER).login({ email, password })
      const after = await person(server, TAKER).login({ email, password: 'not the password' })

      expect(owner.code).toBeUndefined()
      expect(after.code).toBe('TOO_MANY_REQUESTS')
    })

    test('a known browser does not wait for the failures of a neighbour behind the same address', async () => {
      const { email, password, owner } = await verified()
      const neighbour = person(server, OWNER)
      await failUntilRefused(neighbour, email)

      const login = await owner.login({ email, password })

      expect(login.code).toBeUndefined()
    })

    test('a known browser does not wait for a neighbour who uses up the attempts of the network', async () => {
      const { email, password, owner } = await verified()
      const neighbour = person(server, OWNER)
      const answers = []
      for (let attempt = 0; attempt < 21; attempt++) answers.push((await neighbour.login(account())).code)

      const strangersBrowser = await neighbour.login({ email, password })
      const ownBrowser = await owner.login({ email, password })

      expect(answers.at(-1)).toBe('TOO_MANY_REQUESTS')
      expect(strangersBrowser.code).toBe('TOO_MANY_REQUESTS')
      expect(ownBrowser.code).toBeUndefined()
    })

    test.each([
      ['resetPassword', /Reset/],
      ['undoEmailChange', /was changed/],
      ['reportSignIn', /New sign-in/],
    ] as const)(
      'after %s, the browser of the owner does not wait for a neighbour who guesses',
      async (operation, subject) => {
        const [owner, neighbour] = [person(server, AWAY), person(server, AWAY)]
        const { email } = operation === 'undoEmailChange' ? await takenOver() : await verified()
        if (operation === 'resetPassword') await owner.call('requestPasswordReset', { email })
        if (operation === 'reportSignIn') {
          await person(server, TAKER).login({ email, password: account().password })
        }
        const { token } = await server.mailbox.mail(email, subject)

        const done = await owner.call(operation, { token, newPassword: 'a phrase of the owner' })
        await failUntilRefused(neighbour, email)
        const login = await owner.login({ email, password: 'a phrase of the owner' })

        expect(done.data).toBe(true)
        expect(login.code).toBeUndefined()
      },
    )

    test('the places of a taker are forgotten when the owner takes the account back', async () => {
      const { email, taker, owner } = await takenOver()
      const { token } = await server.mailbox.mail(email, /was changed/)
      await owner.call('undoEmailChange', { token, newPassword: 'a phrase of the owner' })
      const before = await server.sql`select from mail_outbox where recipient = ${email} and kind = 'sign-in'`

      await taker.login({ email, password: 'a phrase of the owner' })

      const after = await server.sql`select from mail_outbox where recipient = ${email} and kind = 'sign-in'`
      expect(after.length).toBe(before.length + 1)
    })

    test('the owner signs in from anywhere after a reset, whatever strangers do', async () => {
      const { email } = await verified()
      await failUntilRefused(person(server, STRANGER), email)
      const away = person(server, AWAY)
      await away.call('requestPasswordReset', { email })
      const { token } = await server.mailbox.mail(email, /Reset/)

      await away.call('resetPassword', { token, newPassword: 'a phrase of the owner' })

      expect((await away.login({ email, password: 'a phrase of the owner' })).code).toBeUndefined()
    })
  })
})

async function failUntilRefused(client: Client, email: string) {
  for (let attempt = 0; attempt < 8; attempt++) {
    const { code } = await client.login({ email, password: `not the password ${attempt}` })
    if (code === 'TOO_MANY_REQUESTS') return
  }
  throw new Error('The failures were never throttled')
}
