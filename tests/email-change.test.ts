import { describe, expect, test } from 'vitest'
import { ADAPTERS, account } from './support/client.ts'
import { drainOutbox } from './support/outbox.ts'
import { useServerWithMail } from './support/server.ts'

const server = useServerWithMail()
const PASSWORD = account().password

describe.each(ADAPTERS)('an e-mail change by %s', (adapter) => {
  const stranger = () => server.client(adapter)
  const registerVerified = () => server.registerVerifiedUser(adapter)
  const verify = (token: string) => stranger().call('verifyEmail', { token, password: PASSWORD })
  const undo = (token: string) => stranger().call('undoEmailChange', { token })

  test('a change by a verified user waits for the new mailbox and notifies the old one', async () => {
    const { email, password, client } = await registerVerified()
    const other = stranger()
    await other.login({ email, password })
    const newEmail = account().email

    const asked = await client.updateMe({ email: newEmail, currentPassword: PASSWORD })
    const mail = await server.mailbox.mail(newEmail, /Confirm/)
    const before = await other.me()
    const confirmed = await verify(mail.token)
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

  test('a session that confirms a change in its own cookie gets a new secret', async () => {
    const { client } = await server.registerVerifiedUser(adapter, 'COOKIE')
    const newEmail = account().email
    await client.updateMe({ email: newEmail, currentPassword: PASSWORD })
    const token = await server.mailbox.token(newEmail, /Confirm/)
    const thief = client.twin()

    await client.call('verifyEmail', { token })

    expect(client.secret()).not.toBe(thief.secret())
    expect((await thief.refresh()).reason).toBe('REVOKED')
    expect((await client.refresh()).data?.user.email).toBe(newEmail)
  })

  test('the owner can undo a change after an attacker changed password and address again', async () => {
    const { email, password, client } = await registerVerified()
    const [second, third] = [account().email, account().email]
    const change = async (to: string) => {
      await client.updateMe({ email: to, currentPassword: password })
      await verify(await server.mailbox.token(to, /Confirm/))
    }
    await change(second)
    const token = await server.mailbox.token(email, /was changed/)
    await change(third)
    const laterToken = await server.mailbox.token(second, /was changed/)
    await client.changePassword({ currentPassword: password, newPassword: 'the attacker’s phrase' })

    const { data } = await undo(token)

    expect(data).toBe(true)
    expect((await client.me()).reason).toBe('REVOKED')
    const [row] = await server.sql`select email, email_verified from users where email = ${email}`
    expect(row).toEqual({ email, email_verified: true })
    expect((await undo(token)).code).toBe('INVALID_TOKEN')
    expect((await undo(laterToken)).code).toBe('INVALID_TOKEN')
  })

  test('the owner can undo a change even if the attacker used a later undo link first', async () => {
    const { email, client } = await registerVerified()
    const [second, third] = [account().email, account().email]
    for (const to of [second, third]) {
      await client.updateMe({ email: to, currentPassword: PASSWORD })
      await verify(await server.mailbox.token(to, /Confirm/))
    }
    const ownersToken = await server.mailbox.token(email, /was changed/)
    const attackersToken = await server.mailbox.token(second, /was changed/)

    await undo(attackersToken)

    const newPassword = 'a phrase of the owner'
    const undone = await stranger().call('undoEmailChange', { token: ownersToken, newPassword })
    expect(undone.data).toBe(true)
    expect((await stranger().login({ email, password: newPassword })).data?.user.email).toBe(email)
  })

  test('the old address is reserved while the change can be undone', async () => {
    const { email, client } = await registerVerified()
    const newEmail = account().email
    await client.updateMe({ email: newEmail, currentPassword: PASSWORD })
    await verify(await server.mailbox.token(newEmail, /Confirm/))
    const token = await server.mailbox.token(email, /was changed/)

    const squatter = await stranger().register({ email, password: 'a squatter’s phrase' })
    const undone = await undo(token)

    expect(squatter.code).toBe('EMAIL_TAKEN')
    expect(undone.data).toBe(true)
  })

  test('a change to a reserved address gets no link that confirms it', async () => {
    const { email, client } = await registerVerified()
    const newEmail = account().email
    await client.updateMe({ email: newEmail, currentPassword: PASSWORD })
    await verify(await server.mailbox.token(newEmail, /Confirm/))
    const other = await registerVerified()

    const changed = await other.client.updateMe({ email, currentPassword: PASSWORD })

    expect(changed.code).toBeUndefined()
    await server.mailbox.mail(email, /already/)
    expect(server.mailbox.to(email).filter(({ subject }) => /Confirm/.test(subject))).toEqual([])
  })

  test('a change to a taken address is answered like any other, and the owner gets a mail', async () => {
    const { client } = await registerVerified()
    const owner = await registerVerified()
    const free = account().email

    const taken = await client.updateMe({ email: owner.email, currentPassword: PASSWORD })
    const other = await client.updateMe({ email: free, currentPassword: PASSWORD })
    await server.mailbox.mail(owner.email, /already/)

    expect(taken.data?.pendingEmail).toBe(owner.email)
    expect(Object.keys(taken.data ?? {})).toEqual(Object.keys(other.data ?? {}))
    expect((await owner.client.me()).data?.email).toBe(owner.email)
  })

  test('changes of many accounts to one taken address cause one mail, in the language of the owner', async () => {
    const owner = await registerVerified()
    await owner.client.updateMe({ locale: 'de' })
    const strangers = [await registerVerified(), await registerVerified(), await registerVerified()]

    for (const { client } of strangers) {
      await client.updateMe({ email: owner.email, currentPassword: PASSWORD })
      await drainOutbox(server)
    }

    const notices = server.mailbox.to(owner.email).filter(({ subject }) => !/Verify/.test(subject))
    expect(notices.map(({ subject }) => subject)).toEqual([expect.stringContaining('bereits')])
  })

  test('a change to an address that was taken in the meantime ends with INVALID_TOKEN', async () => {
    const { client, email } = await registerVerified()
    const wanted = account()
    await client.updateMe({ email: wanted.email, currentPassword: PASSWORD })
    const token = await server.mailbox.token(wanted.email, /Confirm/)
    await stranger().register(wanted)
    await server.sql`update users set email_verified = true where email = ${wanted.email}`

    expect((await verify(token)).code).toBe('INVALID_TOKEN')
    expect((await client.me()).data?.email).toBe(email)
  })

  test('a newer change makes the link of an older one invalid', async () => {
    const { client } = await registerVerified()
    const [first, second] = [account().email, account().email]
    await client.updateMe({ email: first, currentPassword: PASSWORD })
    const older = await server.mailbox.token(first, /Confirm/)
    await client.updateMe({ email: second, currentPassword: PASSWORD })
    const newer = await server.mailbox.token(second, /Confirm/)

    expect((await verify(older)).code).toBe('INVALID_TOKEN')
    expect((await verify(newer)).data).toBe(true)
    expect((await client.me()).data?.email).toBe(second)
  })

  test('a change by an unverified user takes effect at once, without an undo link', async () => {
    const { email, client } = await server.registerUser(adapter)
    const newEmail = account().email

    const { data } = await client.updateMe({ email: newEmail, currentPassword: PASSWORD })
    const token = await server.mailbox.token(newEmail, /Verify/)
    const notice = await server.mailbox.mail(email, /was changed/)

    expect(data).toMatchObject({ email: newEmail, emailVerified: false, pendingEmail: null })
    expect(notice.token).toBe('')
    expect(notice.text).not.toContain(newEmail)
    expect((await verify(token)).data).toBe(true)
  })

  test('twenty confirmations of a change at once have one effect', async () => {
    const { client } = await registerVerified()
    const newEmail = account().email
    await client.updateMe({ email: newEmail, currentPassword: PASSWORD })
    const token = await server.mailbox.token(newEmail, /Confirm/)

    const answers = await Promise.all(Array.from({ length: 20 }, () => verify(token)))

    expect(answers.filter(({ data }) => data === true)).toHaveLength(1)
    expect((await client.me()).data?.email).toBe(newEmail)
  })
})
