import { describe, expect, test } from 'vitest'
import { addRole, registerAdministrator } from './support/administrator.ts'
import { forgetUsedCodes, registerWithTotp } from './support/authenticator.ts'
import { ADAPTERS, account } from './support/client.ts'
import { untilWaiting } from './support/locks.ts'
import { drainOutbox } from './support/outbox.ts'
import { startServer, startServerWithMail, useServerWithMail } from './support/server.ts'
import { insertServiceKey } from './support/service-key.ts'

const server = useServerWithMail()
const verifying = useServerWithMail({ REQUIRE_EMAIL_VERIFICATION: 'true' })

const PASSWORD = account().password
const NEW = 'a phrase of the owner alone'

const rowOf = async (id: string) => {
  const [row] = await server.sql`select email, email_verified, pending_email from users where id = ${id}`
  return row
}

describe.each(ADAPTERS)('an administrator changes an address by %s:', (adapter) => {
  const stranger = () => server.client(adapter)
  const confirmWith = (token: string, password?: string) =>
    stranger().call('verifyEmail', { token, ...(password && { password }) })
  const reset = (token: string, newPassword = NEW) => stranger().call('resetPassword', { token, newPassword })

  async function openOffice(roles = ['admin']) {
    const admin = await registerAdministrator(server, roles, adapter)
    const start = (id: string, email: string) => admin.client.call('startEmailChange', { id, email })
    return { ...admin, start }
  }

  async function startChange(id: string) {
    const { start, user } = await openOffice()
    const { email } = account()
    expect((await start(id, ` ${email.toUpperCase()}`)).data).toBe(true)
    return { email, token: await server.mailbox.token(email, /Confirm/), adminId: user.id }
  }

  test('the owner of a lost mailbox and password opens the account by the new mailbox', async () => {
    const { client, user, email: old, input } = await server.registerVerifiedUser(adapter)
    const { email, token, adminId } = await startChange(user.id)

    expect((await client.me()).data).toMatchObject({ email: old, pendingEmail: email })
    expect((await confirmWith(token)).code).toBe('REAUTHENTICATION_REQUIRED')
    expect((await reset(token, email)).fields).toMatchObject([{ path: 'newPassword' }])
    expect((await reset(token)).data).toBe(true)

    expect((await reset(token)).code).toBe('INVALID_TOKEN')
    expect((await client.me()).reason).toBe('REVOKED')
    expect((await stranger().login(input)).code).toBe('INVALID_CREDENTIALS')
    expect((await stranger().login({ email, password: PASSWORD })).code).toBe('INVALID_CREDENTIALS')
    const login = await stranger().login({ email, password: NEW })
    expect(login.data?.user).toMatchObject({ id: user.id, email, emailVerified: true, pendingEmail: null })
    expect(await server.eventsOf(user.id)).toEqual(
      expect.arrayContaining(['email_changed', 'password_reset']),
    )
    const acts = await server.sql`select kind, detail from events
      where user_id = ${user.id} and actor_id = ${adminId}`
    expect(acts).toEqual([{ kind: 'email_change_requested', detail: null }])
  })

  test('the owner of the former mailbox undoes it, and the former address stays reserved until then', async () => {
    const { user, email: old } = await server.registerVerifiedUser(adapter)
    const { token } = await startChange(user.id)
    await reset(token)

    expect((await stranger().register({ email: old, password: PASSWORD })).code).toBe('EMAIL_TAKEN')
    const undo = await server.mailbox.token(old, /was changed/)
    expect((await stranger().call('undoEmailChange', { token: undo, newPassword: PASSWORD })).data).toBe(true)
    expect((await stranger().login({ email: old, password: PASSWORD })).data?.user.id).toBe(user.id)
  })

  test('the owner of the present mailbox cancels it', async () => {
    const { user, email: old } = await server.registerVerifiedUser(adapter)
    const { email, token } = await startChange(user.id)
    const mail = await server.mailbox.mail(old, /was requested/)

    expect(mail.text).toContain(email)
    expect((await stranger().call('cancelEmailChange', { token: mail.token })).data).toBe(true)
    expect((await reset(token)).code).toBe('INVALID_TOKEN')
    expect((await confirmWith(token, PASSWORD)).code).toBe('INVALID_TOKEN')
    expect(await rowOf(user.id)).toMatchObject({ email: old, pending_email: null })
  })

  test('a session confirms it and stays, and all others end', async () => {
    const { client, user, input } = await server.registerVerifiedUser(adapter)
    const other = stranger()
    await other.login(input)
    const { email, token } = await startChange(user.id)

    expect((await client.call('verifyEmail', { token })).data).toBe(true)

    expect((await client.me()).data).toMatchObject({ email, emailVerified: true, pendingEmail: null })
    expect((await other.me()).reason).toBe('REVOKED')
  })

  test('a client with the password confirms it, and every session ends', async () => {
    const { client, user } = await server.registerVerifiedUser(adapter)
    const { email, token } = await startChange(user.id)

    expect((await confirmWith(token, 'not the password')).code).toBe('INVALID_CREDENTIALS')
    expect((await confirmWith(token, PASSWORD)).data).toBe(true)

    expect((await client.me()).reason).toBe('REVOKED')
    expect((await stranger().login({ email, password: PASSWORD })).code).toBeUndefined()
  })

  test('second factors stay, and a mailbox alone sets no password of an unproven account with one', async () => {
    const proven = await registerWithTotp(server, adapter)
    await server.sql`update users set email_verified = true where id = ${proven.user.id}`
    const unproven = await registerWithTotp(server, adapter)
    const [first, second] = [await startChange(proven.user.id), await startChange(unproven.user.id)]
    await forgetUsedCodes(server)

    expect((await reset(first.token)).data).toBe(true)
    const challenged = await stranger().login({ email: first.email, password: NEW })
    expect((await reset(second.token)).code).toBe('INVALID_TOKEN')
    expect((await confirmWith(second.token, PASSWORD)).data).toBe(true)

    expect(challenged.code).toBe('SECOND_FACTOR_REQUIRED')
    const again = await stranger().login({ email: second.email, password: PASSWORD })
    expect(again.code).toBe('SECOND_FACTOR_REQUIRED')
  })

  test('the address of a registration that could never be verified', async () => {
    const { key } = await insertServiceKey(verifying.sql, ['addresses:write'])
    const { email: wrong, password } = account()
    await verifying.client(adapter).register({ email: wrong, password })
    const earlier = await verifying.mailbox.token(wrong, /Verify/)
    const [{ id } = { id: '' }] = await verifying.sql<{ id: string }[]>`
      select id from users where email = ${wrong}`
    const { email } = account()

    const client = verifying.client(adapter)
    expect((await client.call('startEmailChange', { id, email }, { bearer: key })).data).toBe(true)
    const token = await verifying.mailbox.token(email, /Confirm/)
    expect((await client.call('resetPassword', { token, newPassword: NEW })).data).toBe(true)

    expect((await client.login({ email, password: NEW })).data?.user.emailVerified).toBe(true)
    expect((await client.call('verifyEmail', { token: earlier, password })).code).toBe('INVALID_TOKEN')
    // A mailbox that was never proven may be a stranger's.
    const notices = verifying.mailbox.to(wrong)
    expect(notices.filter(({ text }) => text.includes(email) || text.includes('cancel'))).toEqual([])
  })

  test('an invitation that waits goes to the new mailbox at once, and the earlier link ends', async () => {
    const { client, start } = await openOffice()
    const [wrong, right] = [account().email, account().email]
    const created = await client.call('createUser', { email: wrong, username: 'Ada' })
    const id = created.data?.id ?? ''
    const earlier = await server.mailbox.token(wrong, /created for you/)

    expect((await start(id, right)).data).toBe(true)

    const token = await server.mailbox.token(right, /created for you/)
    const accept = (one: string) => stranger().call('acceptInvitation', { token: one, password: PASSWORD })
    expect((await accept(earlier)).code).toBe('INVALID_TOKEN')
    expect((await accept(token)).data).toBe(true)
    const login = await stranger().login({ email: right, password: PASSWORD })
    expect(login.data?.user).toMatchObject({ id, username: 'Ada', emailVerified: true })
    expect(await server.eventsOf(id)).toContain('email_changed')
  })

  test('an address that is taken or reserved is refused, also if another takes it later', async () => {
    const { start, client: admin } = await openOffice()
    const { client, user } = await server.registerVerifiedUser(adapter)
    const owner = await server.registerVerifiedUser(adapter)
    const moved = account().email
    await owner.client.updateMe({ email: moved, currentPassword: PASSWORD })
    await owner.client.call('verifyEmail', { token: await server.mailbox.token(moved, /Confirm/) })
    const invited = await admin.call('inviteUser', { email: account().email, roles: [] })

    for (const id of [user.id, invited.data?.id ?? '']) {
      expect((await start(id, moved)).code).toBe('EMAIL_TAKEN')
      expect((await start(id, owner.email)).code).toBe('EMAIL_TAKEN')
    }
    expect((await client.me()).data?.pendingEmail).toBeNull()
    const { email, token } = await startChange(user.id)
    await stranger().register({ email, password: PASSWORD })
    await server.sql`update users set email_verified = true where email = ${email}`
    expect((await reset(token)).code).toBe('INVALID_TOKEN')
    expect((await confirmWith(token, PASSWORD)).code).toBe('INVALID_TOKEN')
    expect((await start(crypto.randomUUID(), account().email)).code).toBe('NOT_FOUND')
    expect((await start('no-id', account().email)).code).toBe('NOT_FOUND')
  })

  test('the present address cancels a change, that of the owner too', async () => {
    const { start } = await openOffice()
    const { client, user, email } = await server.registerVerifiedUser(adapter)
    const wanted = account().email
    await client.updateMe({ email: wanted, currentPassword: PASSWORD })
    const token = await server.mailbox.token(wanted, /Confirm/)

    expect((await start(user.id, email)).data).toBe(true)

    expect((await confirmWith(token, PASSWORD)).code).toBe('INVALID_TOKEN')
    expect((await client.me()).data?.pendingEmail).toBeNull()
    expect(await server.eventsOf(user.id)).toContain('email_change_cancelled')
  })

  test('a link that a session asked for sets no password', async () => {
    const { client, user } = await server.registerVerifiedUser(adapter)
    const wanted = account().email
    await client.updateMe({ email: wanted, currentPassword: PASSWORD })
    const token = await server.mailbox.token(wanted, /Confirm/)

    expect((await reset(token)).code).toBe('INVALID_TOKEN')
    await client.logout()
    expect((await reset(token)).code).toBe('INVALID_TOKEN')
    expect((await rowOf(user.id))?.email).not.toBe(wanted)
  })

  test('the later one of an owner and an administrator holds', async () => {
    const { client, user } = await server.registerVerifiedUser(adapter)
    const [own, again] = [account().email, account().email]
    await client.updateMe({ email: own, currentPassword: PASSWORD })
    const ownToken = await server.mailbox.token(own, /Confirm/)

    const { token } = await startChange(user.id)
    expect((await confirmWith(ownToken, PASSWORD)).code).toBe('INVALID_TOKEN')
    await client.updateMe({ email: again, currentPassword: PASSWORD })
    await server.mailbox.token(again, /Confirm/)
    expect((await reset(token)).code).toBe('INVALID_TOKEN')
    expect((await confirmWith(token, PASSWORD)).code).toBe('INVALID_TOKEN')
  })

  test.each(['changePassword', 'disableUser'] as const)('%s ends it', async (operation) => {
    const { client, user } = await server.registerVerifiedUser(adapter)
    const { client: admin } = await openOffice()
    const { token } = await startChange(user.id)

    if (operation === 'disableUser') {
      await admin.call('disableUser', { id: user.id })
      expect((await reset(token)).code).toBe('INVALID_TOKEN')
      await admin.call('enableUser', { id: user.id })
    } else await client.changePassword({ currentPassword: PASSWORD, newPassword: 'another long phrase' })

    expect((await reset(token)).code).toBe('INVALID_TOKEN')
    expect((await rowOf(user.id))?.pending_email).toBeNull()
  })

  test.each([
    'a role is given to the account',
    'a role of the account allows more',
    'a claim of the account is set',
  ])('it ends when %s, since its mailbox would get that too', async (name) => {
    const role = `late-${name.length}-${adapter.toLowerCase()}`
    const { client: admin } = await openOffice()
    await addRole(server, role, ['mails:read'])
    const { user } = await server.registerVerifiedUser(adapter)
    await admin.call('setUserRoles', { id: user.id, roles: name.startsWith('a role of') ? [role] : [] })
    const { token } = await startChange(user.id)

    if (name.startsWith('a role is')) await admin.call('setUserRoles', { id: user.id, roles: [role] })
    else if (name.startsWith('a claim'))
      await admin.call('setUserClaims', { id: user.id, claims: { plan: 'pro' } })
    else await admin.call('putRole', { name: role, permissions: ['mails:read', 'mails:write'] })

    expect((await reset(token)).code).toBe('INVALID_TOKEN')
    expect((await confirmWith(token, PASSWORD)).code).toBe('INVALID_TOKEN')
    expect((await reset((await startChange(user.id)).token)).data).toBe(true)
  })

  test('of both uses of a link at once only one has an effect', async () => {
    const { user } = await server.registerVerifiedUser(adapter)
    const { email, token } = await startChange(user.id)
    await drainOutbox(server)

    const answers: Promise<{ data: boolean | null }>[] = []
    await server.sql.begin(async (tx) => {
      await tx`select from users where id = ${user.id} for update`
      answers.push(reset(token), confirmWith(token, PASSWORD), reset(token))
      await untilWaiting(server.sql, 3)
    })

    expect((await Promise.all(answers)).filter(({ data }) => data)).toHaveLength(1)
    expect((await rowOf(user.id))?.email).toBe(email)
  })

  test('neither its own, nor that of an account which may do more, also at other services', async () => {
    const name = `addresses-${adapter}`
    await addRole(server, name, ['addresses:write', 'users:write'])
    await addRole(server, `boss-address-${adapter}`, ['mails:write'])
    await addRole(server, `payer-address-${adapter}`, ['invoices:approve'])
    const { start, user, client } = await openOffice([name])
    const boss = await registerAdministrator(server, [`boss-address-${adapter}`], adapter)
    const payer = await registerAdministrator(server, [`payer-address-${adapter}`], adapter)
    const admin = await openOffice()
    const equal = await registerAdministrator(server, [name], adapter)
    const { key } = await insertServiceKey(server.sql, ['addresses:write'])
    const byKey = (id: string) =>
      stranger().call('startEmailChange', { id, email: account().email }, { bearer: key })

    const refused = [
      await start(user.id, account().email),
      await start(user.id.toUpperCase(), account().email),
      await admin.start(admin.user.id, account().email),
      await start(boss.user.id, account().email),
      await start(payer.user.id, account().email),
      await start(admin.user.id, account().email),
      await byKey(admin.user.id),
      await byKey(equal.user.id),
      await byKey(payer.user.id),
    ]

    expect(refused.map(({ code }) => code)).toEqual(refused.map(() => 'FORBIDDEN'))
    expect((await start(equal.user.id, account().email)).data).toBe(true)
    expect((await admin.start(payer.user.id, account().email)).data).toBe(true)
    const plain = await server.registerUser(adapter)
    expect((await byKey(plain.user.id)).data).toBe(true)
    // The right to write users alone gives no address.
    await addRole(server, `writer-${adapter}`, ['users:write'])
    const writer = await openOffice([`writer-${adapter}`])
    expect(await writer.start(plain.user.id, account().email)).toMatchObject({
      code: 'FORBIDDEN',
      permission: 'addresses:write',
    })
    expect((await client.me()).data?.pendingEmail).toBeNull()
  })
})

test('strangers who ask for mails to an address do not stop the mail of an administrator', async () => {
  const own = await startServerWithMail({
    THROTTLE: 'on',
    THROTTLE_LIMITS: 'linkMailPerMailbox=1/3600',
  })
  const admin = await registerAdministrator(own)
  const [taker, { user }] = [await own.registerVerifiedUser(), await own.registerUser()]
  const { email } = account()
  await taker.client.updateMe({ email, currentPassword: PASSWORD })
  await own.mailbox.token(email, /Confirm/)
  await drainOutbox(own)

  await admin.client.call('startEmailChange', { id: user.id, email })

  await expect.poll(() => own.mailbox.to(email).length).toBe(2)
})

test('an operator starts it by a command, also for the last administrator', async () => {
  const admin = await registerAdministrator(server)
  await server.sql`update users set email_verified = true where id = ${admin.user.id}`
  const taken = await server.registerVerifiedUser()
  const { email } = account()
  const run = (words: string) => server.command(`user change-address ${words}`)

  const started = await run(`${admin.email} ${email.toUpperCase()}`)
  const token = await server.mailbox.token(email, /Confirm/)
  const json = await run(`${admin.email} ${email} --json`)
  const refused = await run(`${admin.email} ${taken.email}`)
  const unknown = await run(`unknown@example.com ${account().email}`)

  expect(started).toMatchObject({ code: 0, output: expect.stringContaining(`${email} gets a link`) })
  expect(JSON.parse(json.output)).toMatchObject({
    id: admin.user.id,
    email: admin.email,
    pendingEmail: email,
  })
  expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('exists already') })
  expect(unknown).toMatchObject({ code: 1, output: expect.stringContaining('no account with the address') })
  expect((await run(`${admin.email} nonsense`)).code).toBe(2)
  expect((await server.client().call('resetPassword', { token, newPassword: NEW })).data).toBe(true)
  const challenged = await server.client().login({ email, password: NEW })
  expect(challenged.code).toBe('SECOND_FACTOR_REQUIRED')
  const acts = await server.sql`select actor_id as actor from events
    where user_id = ${admin.user.id} and kind = 'email_change_requested'`
  expect(acts).toEqual([{ actor: null }, { actor: null }])
})

test('without a mail server, an administrator changes no address', async () => {
  const own = await startServer()
  const admin = await registerAdministrator(own)
  const { user } = await own.registerUser()

  const answer = await admin.client.call('startEmailChange', { id: user.id, email: account().email })

  expect(answer.code).toBe('SERVICE_UNAVAILABLE')
})
