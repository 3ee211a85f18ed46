import { hash } from '@node-rs/argon2'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ADAPTERS, account } from './support/client.ts'
import { AWAY, FOR_PEOPLE, OWNER, STRANGER, usePeople } from './support/people.ts'
import { useServerWithMail } from './support/server.ts'

describe.each(ADAPTERS)('an address that must be verified first, by %s:', (adapter) => {
  const server = useServerWithMail({ ...FOR_PEOPLE, REQUIRE_EMAIL_VERIFICATION: 'true' })
  const { person } = usePeople(server, adapter)

  test('each registration of an address has its own link, which activates its own password', async () => {
    const { email, password } = account()
    const [stranger, owner] = [person(STRANGER), person(OWNER)]
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
    await person(STRANGER).register(stranger)
    const { token } = await server.mailbox.mail(email, /Verify/)
    const owner = person(OWNER)

    const reset = await owner.call('resetPassword', { token, newPassword: password })

    expect(reset.data).toBe(true)
    const { data } = await owner.login({ email, password })
    expect(data?.user).toMatchObject({ emailVerified: true, username: null })
  })

  test('strangers who guess do not make the owner of a new address wait', async () => {
    const { email, password } = account()
    const owner = person(OWNER)
    await owner.register({ email, password })
    const { token } = await server.mailbox.mail(email, /Verify/)
    const guesses = []
    for (let count = 0; count < 6; count++) {
      guesses.push(await person(STRANGER).login({ email, password: 'a wrong password' }))
    }

    const verified = await owner.call('verifyEmail', { token, password })
    const login = await owner.login({ email, password })

    expect(guesses.at(-1)?.code).toBe('TOO_MANY_REQUESTS')
    expect(verified.code).toBeUndefined()
    expect(login.data?.user).toMatchObject({ email, emailVerified: true })
  })

  test('passwords that the server knows to be wrong count, also if it cannot finish its answer', async () => {
    const { email, password } = account()
    await person(OWNER).register({ email, password })
    const { token } = await server.mailbox.mail(email, /Verify/)
    await person(OWNER).call('verifyEmail', { token, password })
    const stranger = person(STRANGER)
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
    const [owner, neighbour] = [person(OWNER), person(OWNER)]
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
    const [owner, neighbour] = [person(OWNER), person(OWNER)]
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
    const owner = person(OWNER)
    await owner.register({ email, password })
    const { token } = await server.mailbox.mail(email, /Verify/)
    const codes = []
    for (let count = 0; count < 6; count++) {
      codes.push((await owner.call('verifyEmail', { token, password: 'a wrong password' })).code)
    }

    const login = await person(AWAY).login({ email, password })

    expect(codes).toEqual([...Array(5).fill('INVALID_CREDENTIALS'), 'TOO_MANY_REQUESTS'])
    expect(login.code).toBe('EMAIL_NOT_VERIFIED')
  })

  test('a sign-in after a registration does not show whether the address was free', async () => {
    const [taken, free, left] = [account(), account(), account()]
    for (const { email, password } of [taken, left]) {
      await person(OWNER).register({ email, password })
      const { token } = await server.mailbox.mail(email, /Verify/)
      await person(OWNER).call('verifyEmail', { token, password })
    }
    const owner = person(OWNER)
    await owner.login(left)
    const newEmail = account().email
    await owner.updateMe({ email: newEmail, currentPassword: left.password })
    const { token } = await server.mailbox.mail(newEmail, /Confirm/)
    await owner.call('verifyEmail', { token })

    const password = 'the password of a stranger'
    const answers = []
    for (const { email } of [taken, free, left]) {
      const stranger = person(STRANGER)
      const registered = await stranger.register({ email, password })
      const wrong = await stranger.login({ email, password: 'not the password' })
      const right = await stranger.login({ email, password })
      answers.push([registered.status, wrong.code, right.code])
    }

    const status = adapter === 'REST' ? 201 : 200
    expect(new Set(answers.map(String))).toEqual(
      new Set([String([status, 'INVALID_CREDENTIALS', 'EMAIL_NOT_VERIFIED'])]),
    )
    expect((await person(OWNER).login(taken)).code).toBeUndefined()
  })

  test('a registration changes nothing of an account that had a password before', async () => {
    const { email, password } = account()
    const owner = person(OWNER)
    await owner.register({ email, password, username: 'Ada' })
    await server.mailbox.mail(email, /Verify/)
    // As an import leaves an account: not verified, with a password and without a registration.
    const imported = await hash(password, { algorithm: 2, memoryCost: 64, timeCost: 1, parallelism: 1 })
    await server.sql`update users set password = ${imported} where email = ${email}`
    await server.sql`delete from registrations`
    await server.sql`delete from verification`

    const stranger = { email, password: 'the password of a stranger' }
    await person(STRANGER).register({ ...stranger, username: 'Mallory' })
    const { token } = await server.mailbox.mail(email, /Verify/, 2)

    expect((await owner.login({ email, password })).code).toBe('EMAIL_NOT_VERIFIED')
    expect((await owner.call('verifyEmail', { token, password })).data).toBe(true)
    expect((await owner.login({ email, password })).data?.user.username).toBe('Ada')
    expect((await person(STRANGER).login(stranger)).code).toBe('EMAIL_NOT_VERIFIED')
  })

  test('a new link is about the registration of the place that asks for it', async () => {
    const { email, password } = account()
    const owner = person(OWNER)
    await owner.register({ email, password })
    await server.mailbox.mail(email, /Verify/)
    await server.sql`update verification set expires_at = now()`
    await person(STRANGER).register({ email, password: 'the password of a stranger' })
    await server.mailbox.mail(email, /Verify/, 2)

    await owner.call('requestEmailVerification', { email })
    const { token } = await server.mailbox.mail(email, /Verify/, 3)

    expect((await owner.call('verifyEmail', { token, password })).data).toBe(true)
    expect((await owner.login({ email, password })).code).toBeUndefined()
  })
})
