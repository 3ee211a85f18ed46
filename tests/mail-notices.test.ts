import { describe, expect, test } from 'vitest'
import { compose } from '../src/compose.ts'
import { loadEnv } from '../src/env.ts'
import { createLog } from '../src/observe/log.ts'
import { account } from './support/client.ts'
import { drainOutbox, passTime } from './support/outbox.ts'
import { startServerWithMail } from './support/server.ts'

type Server = Awaited<ReturnType<typeof startServerWithMail>>

async function addNotices({ sql }: Server, email: string, count = 1, kind = 'password-changed') {
  await sql`
    insert into mail_outbox (kind, recipient, expires_at)
    select ${kind}, ${email}, now() + interval '72 hours' from generate_series(1, ${count}::int)`
}

const received = (server: Server, email: string, subject = /./) =>
  server.mailbox.received.filter((mail) => mail.to === email && subject.test(mail.subject))

/** How many events the mails to an address speak of. */
const spokenOf = (server: Server, email: string) =>
  received(server, email)
    .map(({ text }) => Number(/happened (\d+) times since/.exec(text)?.[1] ?? 1))
    .reduce((sum, count) => sum + count, 0)

test('a taker who changes the password again and again silences no notice', async () => {
  const server = await startServerWithMail()
  const input = account()
  const client = server.client('REST', 'TOKEN')
  await client.register(input)
  await server.sql`update users set email_verified = true`
  const passwords = Array.from({ length: 11 }, (_, index) => `a long phrase no ${index}`)
  let currentPassword = input.password

  for (const newPassword of passwords) {
    expect((await client.changePassword({ currentPassword, newPassword })).status).toBe(200)
    currentPassword = newPassword
    await server.mailbox.mail(input.email, /password was changed/)
  }
  await drainOutbox(server)
  const atFirst = received(server, input.email, /password was changed/)
  const [row] = await server.sql`select id from users where email = ${input.email}`
  await server.sql`
    insert into mail_outbox (kind, recipient, user_id, expires_at)
    values ('email-changed', ${input.email}, ${row?.id}, now() + interval '72 hours')`
  const undo = await server.mailbox.mail(input.email, /e-mail address of your account was changed/)
  await passTime(server, 5)
  await server.mailbox.mail(input.email, /password was changed/, 2)
  await drainOutbox(server)

  expect(atFirst).toHaveLength(1)
  expect(atFirst[0]?.text).toMatch(/This happened on \d+ \w+ \d{4} at \d\d:\d\d UTC\./)
  expect(undo.token).not.toBe('')
  const [, joined, ...more] = received(server, input.email, /password was changed/)
  expect(joined?.text).toMatch(/This happened 10 times since \d+ \w+ \d{4} at \d\d:\d\d UTC\./)
  expect(more).toEqual([])
})

describe('a deletion', () => {
  test('is mailed to the proven mailbox of the account, in its language', async () => {
    const server = await startServerWithMail()
    const { client, email, password } = await server.registerVerifiedUser()
    await client.updateMe({ locale: 'de' })

    expect((await client.deleteMe({ password })).code).toBeUndefined()

    const { text } = await server.mailbox.mail(email, /Konto wurde gelöscht/)
    expect(text).toContain('Das geschah am')
  })

  test('is not mailed to a mailbox that may be that of another person', async () => {
    const server = await startServerWithMail()
    const { client, input } = await server.registerUser()
    await server.mailbox.mail(input.email, /Verify/)

    expect((await client.deleteMe({ password: input.password })).code).toBeUndefined()

    expect(
      await server.sql`select from mail_outbox where recipient = ${input.email} and kind = 'account-deleted'`,
    ).toEqual([])
  })
})

describe('notices', () => {
  test('notices of one kind to one mailbox join, and others stay apart', async () => {
    const server = await startServerWithMail()
    const [first, second] = [account().email, account().email]

    await addNotices(server, first, 6)
    await addNotices(server, first, 2, 'refresh-reused')
    await addNotices(server, second, 2)
    await drainOutbox(server)

    for (const [email, subject, count] of [
      [first, /password/, 6],
      [first, /session/, 2],
      [second, /password/, 2],
    ] as const) {
      const mails = received(server, email, subject)
      expect(mails).toHaveLength(1)
      expect(mails[0]?.text).toContain(`This happened ${count} times since`)
      expect(mails[0]?.html).toContain(`This happened ${count} times since`)
    }
  })

  test('notices of different users to one mailbox stay apart', async () => {
    const server = await startServerWithMail()
    const { email } = account()
    await server.sql`
      insert into mail_outbox (kind, recipient, user_id, expires_at)
      select 'password-changed', ${email}, gen_random_uuid(), now() + interval '1 hour' from generate_series(1, 2)`

    await drainOutbox(server)

    expect(received(server, email)).toHaveLength(2)
  })

  test('notices that arrive while one is sent wait, and none is lost', async () => {
    const server = await startServerWithMail()
    const { email } = account()
    server.mailbox.misbehave({ delayMs: 1500 })
    await addNotices(server, email)
    await expect.poll(() => server.mailbox.attempts()).toBe(1)

    await addNotices(server, email, 2)
    await server.mailbox.mail(email, /password/)
    server.mailbox.misbehave(undefined)
    await new Promise((done) => setTimeout(done, 1000))
    // Time that passes while a mail is sent would end its lease.
    await drainOutbox(server)
    expect(spokenOf(server, email)).toBe(1)
    await passTime(server, 5)
    await server.mailbox.mail(email, /password/, 2)
    await drainOutbox(server)
    // Those that waited for the end of the first may be due again only after the second.
    await passTime(server, 5)
    await drainOutbox(server)

    expect(spokenOf(server, email)).toBe(3)
  })

  test('notices join one that the mail server does not accept yet', async () => {
    const server = await startServerWithMail()
    const { email } = account()
    server.mailbox.misbehave({ code: 451 })
    await addNotices(server, email)
    await expect.poll(() => server.mailbox.attempts()).toBeGreaterThan(1)

    await addNotices(server, email, 3)
    await expect
      .poll(
        async () => {
          await server.sql`update mail_outbox set next_attempt_at = least(next_attempt_at, now() + interval '1 second')`
          return server.sql`select count from mail_outbox`.then((rows) => rows.map(({ count }) => count))
        },
        { interval: 500 },
      )
      .toEqual([4])
    server.mailbox.misbehave(undefined)
    await drainOutbox(server)

    expect(received(server, email)).toHaveLength(1)
    expect(spokenOf(server, email)).toBe(4)
  })

  test('notices that two replicas send are all in the mails', async () => {
    const server = await startServerWithMail()
    const env = loadEnv(server.env)
    const settings = { ...env, DATABASE_URL: server.env.DATABASE_URL, AUTH_SECRET: server.env.AUTH_SECRET }
    const second = await compose(settings, await createLog(env))
    await second.prepare()
    const { email } = account()

    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 8 }, () => addNotices(server, email)))
      await drainOutbox(server)
      await passTime(server, 6)
    }
    await drainOutbox(server)
    await second.close()

    expect(spokenOf(server, email)).toBe(40)
    expect(received(server, email).length).toBeLessThan(10)
    expect(await server.sql`select from mail_outbox where status <> 'SENT'`).toHaveLength(0)
  })

  test('joined notices expire when the last of them would have', async () => {
    const server = await startServerWithMail()
    const { email } = account()
    await addNotices(server, email)
    await drainOutbox(server)
    await server.sql`
      insert into mail_outbox (kind, recipient, expires_at)
      select 'password-changed', ${email}, now() + make_interval(hours => n) from generate_series(1, 2) n`

    await expect
      .poll(() =>
        server.sql`select count from mail_outbox where status = 'PENDING'`.then((rows) => [...rows]),
      )
      .toEqual([{ count: 2 }])
    await passTime(server, 5)
    await server.mailbox.mail(email, /password/, 2)

    const [row] = await server.sql`
      select expires_at > now() + interval '110 minutes' as is_late from mail_outbox where count = 2`
    expect(row?.is_late).toBe(true)
  })
})

test('mails with a link of their own never join and never wait', async () => {
  const server = await startServerWithMail()
  const input = account()
  const { data } = await server.client('REST', 'TOKEN').register(input)
  const userId = data?.user.id ?? ''

  await server.sql`
    insert into mail_outbox (kind, recipient, user_id, expires_at)
    select kind, ${input.email}, ${userId}, now() + interval '1 hour'
    from unnest(array['sign-in', 'email-changed']) kind, generate_series(1, 12)`
  await drainOutbox(server)

  const tokens = received(server, input.email, /sign-in|was changed/).map(({ token }) => token)
  expect(new Set(tokens).size).toBe(24)
})
