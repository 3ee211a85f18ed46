import { describe, expect, test } from 'vitest'
import { enrollTotp } from './support/authenticator.ts'
import { ADAPTERS, account } from './support/client.ts'
import { AWAY, FOR_PEOPLE, OWNER, STRANGER, TAKER, usePeople } from './support/people.ts'
import { useServerWithMail } from './support/server.ts'

describe.each(ADAPTERS)('an account that strangers or takers are after, by %s:', (adapter) => {
  const server = useServerWithMail(FOR_PEOPLE)
  const { person, verified, takenOver } = usePeople(server, adapter)

  test('a link to an account of a stranger confirms nothing, and sets a password of the owner', async () => {
    const { email, password } = account()
    const stranger = person(STRANGER)
    await stranger.register({ email, password: 'the password of a stranger' })
    const { token } = await server.mailbox.mail(email, /Verify/)
    const owner = person(OWNER)

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

    const click = await person(OWNER).call('verifyEmail', { token })

    expect(click.code).toBe('REAUTHENTICATION_REQUIRED')
    expect((await stranger.me()).data).toMatchObject({ pendingEmail: victim })
  })

  test('undo locks the password of the taker, and a mail leads to a new one', async () => {
    const { email, password, owner } = await takenOver()
    const { token } = await server.mailbox.mail(email, /was changed/)

    const undo = await owner.call('undoEmailChange', { token })
    const withOldPassword = await person(TAKER).login({ email, password })
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

    const attempt = await person(TAKER).register({ ...account(), email })

    expect(attempt.code).toBe('EMAIL_TAKEN')
  })

  test('a pending change ends with the session that asked for it', async () => {
    const { email, password, owner } = await verified()
    const taker = person(TAKER)
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

    const cancel = await person(OWNER).call('cancelEmailChange', { token })

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
    const taker = person(TAKER)
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
    const cancelled = await person(OWNER).call('cancelEmailChange', { token: cancel.token })
    await taker.call('requestEmailVerification')

    expect(expiries).toHaveLength(2)
    expect(Number(expiries[0]?.expires_at)).toBe(Number(expiries[1]?.expires_at))
    expect(cancelled.data).toBe(true)
    expect((await taker.me()).data?.pendingEmail).toBeNull()
  })

  test('a bearer alone changes no address and deletes no account, also in a fresh session', async () => {
    const input = account()
    const client = person(OWNER, 'TOKEN')
    await client.register(input)

    const change = await client.updateMe({ email: account().email })
    const deletion = await client.deleteMe()

    expect([change.code, deletion.code]).toEqual(['REAUTHENTICATION_REQUIRED', 'REAUTHENTICATION_REQUIRED'])
    expect((await client.deleteMe({ password: input.password })).data).toBe(true)
  })

  test('a stranger who keeps changing factors does not keep the owner of the mailbox from a reset', async () => {
    for (const link of [/Verify/, /Reset/]) {
      const { email, password } = account()
      const [owner, stranger] = [person(OWNER), person(STRANGER)]
      await stranger.register({ email, password: 'the password of a stranger' })
      await enrollTotp(stranger)
      await owner.call('requestPasswordReset', { email })
      const token = await server.mailbox.token(email, link)

      const change = await stranger.renewRecoveryCodes()
      const reset = await owner.call('resetPassword', { token, newPassword: password })

      expect([link, change.code, reset.code]).toEqual([link, undefined, undefined])
      expect((await owner.login({ email, password })).data?.session.acr).toBe('aal1')
    }
  })

  test('a taker who keeps changing the password does not keep its owner from resetting it', async () => {
    const { email, password } = await verified()
    const [owner, taker] = [person(AWAY), person(OWNER)]
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
})
