import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMailedTokens } from '../src/auth/mailing/mailed-tokens.ts'
import { createOutbox } from '../src/auth/mailing/outbox.ts'
import { createPlaces } from '../src/auth/throttle/places.ts'
import { createDb } from '../src/db/client.ts'
import { createLanguages } from '../src/mail/languages.ts'
import { account } from './support/client.ts'
import { PATIENT } from './support/database.ts'
import { drainOutbox, mailStates } from './support/outbox.ts'
import { BEHIND_PROXY, useServerWithMail } from './support/server.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const from = (address: string, userAgent = FIREFOX) => ({
  headers: { 'x-forwarded-for': address, 'user-agent': userAgent },
})

const server = useServerWithMail(BEHIND_PROXY)
let database: ReturnType<typeof createDb>
beforeAll(() => {
  database = createDb({ ...server.env, databaseLimits: PATIENT })
})
afterAll(() => database.close())

async function registered() {
  const input = account()
  const client = server.client('REST', 'TOKEN')
  const { data } = await client.call('register', { ...input, transport: 'TOKEN' }, from('198.51.100.1'))
  await server.sql`update users set email_verified = true where email = ${input.email}`
  await drainOutbox(server)
  return { ...input, client, userId: data?.user.id ?? '', sessionId: data?.session.id ?? '' }
}

/** A second session, from a place that the account does not know. */
async function signInElsewhere(input: { email: string; password: string }, userAgent = FIREFOX) {
  const client = server.client('REST', 'TOKEN')
  const { data } = await client.call(
    'login',
    { email: input.email, password: input.password, transport: 'TOKEN' },
    from('203.0.113.9', userAgent),
  )
  return { client, sessionId: data?.session.id ?? '' }
}

describe('an undo link', () => {
  async function changed(deliver: boolean) {
    const { db } = database
    const mailedTokens = createMailedTokens([server.env.AUTH_SECRET])
    const places = createPlaces({ db, secrets: [server.env.AUTH_SECRET] })
    const outbox = createOutbox({ enabled: deliver, languages: createLanguages(['en']), places })
    const { email, userId } = await registered()
    const id = crypto.randomUUID()
    await db.transaction(async (tx) => {
      await mailedTokens.store(tx, { id, purpose: 'EMAIL_CHANGE_UNDO', userId, value: email })
      await outbox.add(tx, { id, kind: 'email-changed', recipient: email, userId })
    })
    await server.sql`update users set email = ${account().email} where id = ${userId}`
    return { id, email, token: mailedTokens.derive(id) }
  }

  test('an undo link is valid from the change on, even if its mail is lost', async () => {
    const { token } = await changed(false)

    expect((await server.client('REST', 'TOKEN').call('undoEmailChange', { token })).data).toBe(true)
  })

  test('an undo link is valid for 72 hours, and a mail contains it', async () => {
    const { email, id, token } = await changed(true)

    const mail = await server.mailbox.mail(email, /was changed/)
    await drainOutbox(server)

    expect(mail.token).toBe(token)
    const rows =
      await server.sql`select extract(epoch from expires_at - created_at)::int / 3600 as hours from verification where value = ${email}`
    expect([...rows]).toEqual([{ hours: 72 }])
    expect(await server.sql`select status from mail_outbox where id = ${id}`).toMatchObject([
      { status: 'SENT' },
    ])
  })

  test('an undo link is not mailed again after it was used', async () => {
    const { email, id, token } = await changed(true)
    await server.mailbox.mail(email, /was changed/)
    await drainOutbox(server)
    await server.sql`delete from verification where id = ${id}`

    // As if the worker had died before it noted that the mail was sent.
    await server.sql`update mail_outbox set status = 'PENDING', next_attempt_at = now() where id = ${id}`
    await drainOutbox(server)

    expect(await server.sql`select status from mail_outbox where id = ${id}`).toMatchObject([
      { status: 'SKIPPED' },
    ])
    expect(server.mailbox.received.filter((mail) => mail.token === token)).toHaveLength(1)
  })
})

describe('the mail about a sign-in', () => {
  test('a sign-in mail names the time, the network address and the browser, and has a link for 72 hours', async () => {
    const person = await registered()
    const { sessionId } = await signInElsewhere(person)

    const mail = await server.mailbox.mail(person.email, /New sign-in/)

    expect(mail.text).toMatch(/On \d+ \w+ \d{4} at \d\d:\d\d UTC/)
    expect(mail.text).toContain('Network address: 203.0.113.9. Browser: Firefox on Linux.')
    expect(mail.text).toContain('https://app.example.com/account/report-sign-in#token=')
    const rows = await server.sql`
      select purpose, session_id, extract(epoch from expires_at - created_at)::int / 3600 as hours from verification
      where user_id = ${person.userId} and purpose = 'SIGN_IN_REPORT'`
    expect([...rows]).toEqual([{ purpose: 'SIGN_IN_REPORT', session_id: sessionId, hours: 72 }])
  })

  test('a sign-in mail never quotes text of the client', async () => {
    const person = await registered()
    await signInElsewhere(person, 'Visit https://evil.example now')

    const mail = await server.mailbox.mail(person.email, /New sign-in/)

    expect(mail.text + mail.html).not.toContain('evil')
    expect(mail.text).toContain('Browser: not recognised.')
  })

  test('a sign-in mail is sent with less detail if the session has ended', async () => {
    const person = await registered()
    await server.sql`
      insert into mail_outbox (kind, recipient, user_id, session_id, expires_at)
      values ('sign-in', ${person.email}, ${person.userId}, ${crypto.randomUUID()}, now() + interval '72 hours')`

    const mail = await server.mailbox.mail(person.email, /New sign-in/)

    expect(mail.token).not.toBe('')
    expect(mail.text).not.toMatch(/Network address|Browser/)
  })

  test('a sign-in mail is not sent after the account was deleted', async () => {
    const email = account().email
    await server.sql`
      insert into mail_outbox (kind, recipient, user_id, expires_at)
      values ('sign-in', ${email}, ${crypto.randomUUID()}, now() + interval '72 hours')`
    await drainOutbox(server)

    expect(await mailStates(server, email)).toEqual(['SKIPPED'])
  })

  test('a sign-in mail is sent and its link works after the taker changed the password', async () => {
    const person = await registered()
    const { client } = await signInElsewhere(person)
    await server.mailbox.mail(person.email, /New sign-in/)
    await server.sql`
      insert into mail_outbox (kind, recipient, user_id, expires_at, next_attempt_at)
      values ('sign-in', ${person.email}, ${person.userId}, now() + interval '72 hours', now() + interval '1 hour')`

    const changed = await client.changePassword({
      currentPassword: person.password,
      newPassword: 'another long phrase',
    })
    await server.sql`update mail_outbox set next_attempt_at = now() where status = 'PENDING'`
    await server.mailbox.mail(person.email, /New sign-in/, 2)

    expect(changed.status).toBe(200)
    const rows = await server.sql`
      select from verification where user_id = ${person.userId} and purpose = 'SIGN_IN_REPORT'`
    expect(rows).toHaveLength(2)
  })

  test('a sign-in mail keeps its link when the session that asked for a change of address ends', async () => {
    const person = await registered()
    const { sessionId } = await signInElsewhere(person)
    await server.mailbox.mail(person.email, /New sign-in/)
    await drainOutbox(server)
    await server.sql`
      update users set pending_email = 'taker@example.com', pending_session_id = ${sessionId}
      where id = ${person.userId}`

    await server.sql`delete from sessions where id = ${sessionId}`

    const [user] = await server.sql`select pending_email from users where id = ${person.userId}`
    expect(user?.pending_email).toBeNull()
    const rows = await server.sql`
      select from verification where user_id = ${person.userId} and purpose = 'SIGN_IN_REPORT'`
    expect(rows).toHaveLength(1)
  })

  test('a sign-in mail loses its link when the account leaves a mailbox that was never verified', async () => {
    const person = await registered()
    await server.sql`update users set email_verified = false where id = ${person.userId}`
    await signInElsewhere(person)
    await server.mailbox.mail(person.email, /New sign-in/)
    await drainOutbox(server)

    const changed = await person.client.call(
      'updateMe',
      { email: account().email, currentPassword: person.password },
      from('198.51.100.1'),
    )

    expect(changed.status).toBe(200)
    const rows = await server.sql`
      select from verification where user_id = ${person.userId} and purpose = 'SIGN_IN_REPORT'`
    expect(rows).toHaveLength(0)
  })
})

describe('the mail about a requested change of address', () => {
  async function requested({ pendingSession = true, delay = '0' } = {}) {
    const person = await registered()
    const newEmail = account().email
    const sessionId = pendingSession ? person.sessionId : crypto.randomUUID()
    await server.sql`
      update users set pending_email = ${newEmail}, pending_session_id = ${sessionId} where id = ${person.userId}`
    const id = crypto.randomUUID()
    await server.sql`
      insert into mail_outbox (id, kind, recipient, user_id, session_id, expires_at, next_attempt_at)
      values (${id}, 'email-change-requested', ${person.email}, ${person.userId}, ${person.sessionId},
        now() + interval '1 hour', now() + ${delay}::interval)`
    return { ...person, id, newEmail }
  }

  test('the mail about a requested change names the time and the new address, and can cancel it', async () => {
    const { email, userId, newEmail } = await requested()

    const mail = await server.mailbox.mail(email, /was requested/)

    expect(mail.text).toMatch(/On \d+ \w+ \d{4} at \d\d:\d\d UTC/)
    expect(mail.text).toContain(newEmail)
    expect(mail.text).toContain('https://app.example.com/account/cancel-email-change#token=')
    const rows = await server.sql`select purpose, value from verification where user_id = ${userId}`
    expect([...rows]).toEqual([{ purpose: 'EMAIL_CHANGE_CANCEL', value: email }])
  })

  test('the mail about a requested change is not sent if another session has asked for another change', async () => {
    const { id } = await requested({ pendingSession: false })
    await drainOutbox(server)

    expect(await server.sql`select status from mail_outbox where id = ${id}`).toMatchObject([
      { status: 'SKIPPED' },
    ])
  })

  test('the mail about a requested change is not sent after the session ended', async () => {
    const { id, sessionId } = await requested({ delay: '1 hour' })

    await server.sql`delete from sessions where id = ${sessionId}`
    await server.sql`update mail_outbox set next_attempt_at = now() where id = ${id}`
    await drainOutbox(server)

    expect(await server.sql`select status from mail_outbox where id = ${id}`).toMatchObject([
      { status: 'SKIPPED' },
    ])
  })
})
