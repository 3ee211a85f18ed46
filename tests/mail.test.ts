import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { compose } from '../src/compose.ts'
import { loadEnv } from '../src/env.ts'
import { createLog } from '../src/observe/log.ts'
import { account } from './support/client.ts'
import { startServer, startServerWithMail } from './support/server.ts'

const outbox = (server: Awaited<ReturnType<typeof startServer>>, email: string) =>
  server.sql`select kind, status, attempts from mail_outbox where recipient = ${email} order by created_at`

test('a mail server that is refusing for now, dropping or slow delays a mail and loses none', async () => {
  const server = await startServerWithMail()
  const accounts = [account(), account(), account()]

  for (const [index, fault] of ([{ code: 451 }, 'drop', { delayMs: 1500 }] as const).entries()) {
    server.mailbox.misbehave(fault)
    const before = server.mailbox.attempts()
    const registered = await server.client('REST', 'TOKEN').register(accounts[index])
    await expect.poll(() => server.mailbox.attempts(), { timeout: 10_000 }).toBeGreaterThan(before)
    server.mailbox.misbehave(undefined)
    expect(registered.status).toBe(201)
    await server.mailbox.mail(accounts[index]?.email ?? '', /Verify/)
  }

  const mails = server.mailbox.received.map(({ to }) => to)
  expect(mails.sort()).toEqual(accounts.map(({ email }) => email).sort())
  for (const { email } of accounts) {
    await expect.poll(() => outbox(server, email)).toMatchObject([{ status: 'SENT' }])
  }
})

test('a mail that is refused for good is failed once, and an event says so', async () => {
  const server = await startServerWithMail()
  server.mailbox.misbehave({ code: 550 })
  const input = account()
  const { data } = await server.client('REST', 'TOKEN').register(input)

  await expect
    .poll(() => outbox(server, input.email), { timeout: 10_000 })
    .toMatchObject([{ status: 'FAILED', attempts: 1 }])
  const kinds =
    await server.sql`select kind from events where user_id = ${data?.user.id ?? ''} order by created_at`
  expect(kinds.map(({ kind }) => kind)).toEqual(['register', 'mail_failed'])
})

test('a mail that waited too long is failed and not sent', async () => {
  const server = await startServerWithMail()
  const email = account().email
  await server.sql`
    insert into mail_outbox (kind, recipient, expires_at) values ('password-changed', ${email}, now() - interval '1 second')`

  await expect.poll(() => outbox(server, email), { timeout: 10_000 }).toMatchObject([{ status: 'FAILED' }])
  expect(server.mailbox.received).toEqual([])
})

test('two replicas send a hundred mails once each', async () => {
  const first = await startServerWithMail()
  const env = loadEnv(first.env)
  const settings = { ...env, DATABASE_URL: first.env.DATABASE_URL, AUTH_SECRET: first.env.AUTH_SECRET }
  const second = await compose(settings, await createLog(env))
  await second.prepare()
  const recipients = Array.from({ length: 100 }, () => account().email)

  await first.sql`
    insert into mail_outbox (kind, recipient, expires_at)
    select 'password-changed', unnest(${recipients}::text[]), now() + interval '1 hour'`
  await expect.poll(() => first.mailbox.received.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(100)
  await new Promise((done) => setTimeout(done, 1000))
  await second.close()

  expect(first.mailbox.received.map(({ to }) => to).sort()).toEqual([...recipients].sort())
})

test('a mail that a dead replica had taken is sent when its lease ends, its token once usable', async () => {
  const server = await startServerWithMail()
  server.mailbox.misbehave({ code: 451 })
  const input = account()
  await server.client('REST', 'TOKEN').register(input)
  await expect.poll(() => server.mailbox.attempts(), { timeout: 10_000 }).toBeGreaterThan(0)
  server.mailbox.misbehave(undefined)
  const first = await server.mailbox.mail(input.email, /Verify/)
  await server.client('REST', 'TOKEN').call('verifyEmail', { token: first.token })

  // As if the replica had died after sending and before writing it down.
  await server.sql`update mail_outbox set status = 'PENDING', next_attempt_at = now() where recipient = ${input.email}`
  await expect
    .poll(() => outbox(server, input.email), { timeout: 10_000 })
    .toMatchObject([{ status: 'SENT' }])

  expect(server.mailbox.received).toHaveLength(1)
  expect((await server.client('REST', 'TOKEN').call('verifyEmail', { token: first.token })).code).toBe(
    'INVALID_TOKEN',
  )
})

test.each([
  ['sent', { delayMs: 1500 }],
  ['refused', { code: 451, delayMs: 1500 }],
])(
  'a worker whose lease another has taken over writes nothing of a mail that is %s late',
  async (_, fault) => {
    const server = await startServerWithMail()
    server.mailbox.misbehave(fault)
    const input = account()
    await server.client('REST', 'TOKEN').register(input)
    await expect.poll(() => server.mailbox.attempts(), { timeout: 10_000 }).toBe(1)

    const taken = await server.sql`
    update mail_outbox set attempts = 7, next_attempt_at = now() + interval '1 hour'
    where recipient = ${input.email} returning next_attempt_at`
    await new Promise((done) => setTimeout(done, 2500))

    expect(
      await server.sql`select status, attempts, next_attempt_at from mail_outbox where recipient = ${input.email}`,
    ).toEqual([{ status: 'PENDING', attempts: 7, next_attempt_at: taken[0]?.next_attempt_at }])
    expect(server.mailbox.attempts()).toBe(1)
  },
)

test('a worker takes no more mails than it can send before others may have them', async () => {
  const server = await startServerWithMail()
  server.mailbox.misbehave({ delayMs: 1500 })
  await server.sql`
    insert into mail_outbox (kind, recipient, expires_at)
    select 'password-changed', n || '@example.com', now() + interval '1 hour' from generate_series(1, 30) n`
  await expect.poll(() => server.mailbox.attempts(), { timeout: 10_000 }).toBeGreaterThan(0)
  await new Promise((done) => setTimeout(done, 500))

  const [row] = await server.sql`select count(*)::int as taken from mail_outbox where attempts > 0`
  expect(row?.taken).toBe(server.mailbox.attempts())
})

test('a mail says who it is from, goes to one reader, and has both forms', async () => {
  const server = await startServerWithMail({ MAIL_FROM: 'Example <auth@example.com>' })
  const input = account()
  await server.client('REST', 'TOKEN').register(input)

  const mail = await server.mailbox.mail(input.email, /^Verify your e-mail address$/)

  expect(mail.headers).toMatch(/^From: Example <auth@example\.com>$/m)
  expect(mail.recipients).toBe(1)
  expect(mail.html).toContain(`<a href="https://app.example.com/account/verify-email#token=${mail.token}">`)
})

test.each(['is not there', 'takes connections and says nothing'])(
  'a mail server that %s keeps nobody waiting, neither a request nor a stop',
  async (how) => {
    const sockets = new Set<Socket>()
    const listener = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const address = listener.address()
    const SMTP_URL = `smtp://127.0.0.1:${typeof address === 'object' && address?.port}`
    if (how === 'is not there') listener.close()
    const server = await startServer({ SMTP_URL })
    const input = account()
    const began = performance.now()

    const registered = await server.client('REST', 'TOKEN').register(input)
    const asked = await server.client('REST', 'TOKEN').call('requestPasswordReset', { email: input.email })
    const answered = performance.now()
    await expect
      .poll(() => outbox(server, input.email), { timeout: 5000 })
      .toMatchObject([{ status: 'PENDING' }, { status: 'PENDING', attempts: expect.any(Number) }])
    await expect
      .poll(async () => (await outbox(server, input.email)).every(({ attempts }) => attempts > 0))
      .toBe(true)
    const stopping = performance.now()
    await server.restart()
    const stopped = performance.now()
    for (const socket of sockets) socket.destroy()
    listener.close()

    expect([registered.status, asked.status]).toEqual([201, 202])
    expect((answered - began) / 1000).toBeLessThan(3)
    expect((stopped - stopping) / 1000).toBeLessThan(8)
    expect(await outbox(server, input.email)).toMatchObject([{ status: 'PENDING' }, { status: 'PENDING' }])
  },
)

describe('in production without a mail server', () => {
  test('what needs a mail is unavailable, the rest works', async () => {
    const server = await startServer()
    const client = server.client('GraphQL', 'TOKEN')
    const input = account()
    await client.register(input)
    await server.sql`update users set email_verified = true where email = ${input.email}`

    const answers = await Promise.all([
      client.call('requestPasswordReset', { email: input.email }),
      client.call('requestEmailVerification'),
      client.updateMe({ email: account().email }),
    ])
    const changed = await client.changePassword({
      currentPassword: input.password,
      newPassword: 'another long phrase',
    })

    for (const { code, retryAfter } of answers)
      expect([code, retryAfter]).toEqual(['SERVICE_UNAVAILABLE', 60])
    expect(changed.data).not.toBeNull()
    expect(await server.sql`select from mail_outbox`).toHaveLength(0)
  })
})
