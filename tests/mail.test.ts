import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { readReply } from '../src/mail/smtp.ts'
import { account } from './support/client.ts'
import { createDatabase } from './support/database.ts'
import { createMailbox } from './support/mailbox.ts'
import { portOf } from './support/net.ts'
import { startProgram } from './support/program.ts'
import { openForTest } from './support/resource.ts'
import { type Server, startServer, startServerWithMail } from './support/server.ts'
import { pause } from './support/time.ts'

const outbox = (server: Server, email: string) =>
  server.sql`select kind, status, attempts from mail_outbox where recipient = ${email} order by created_at`

test('a mail server that refuses temporarily, disconnects or is slow delays mails and loses none', async () => {
  const server = await startServerWithMail()
  const accounts = [account(), account(), account()]

  for (const [index, fault] of ([{ code: 451 }, 'drop', { delayMs: 1500 }] as const).entries()) {
    server.mailbox.misbehave(fault)
    const before = server.mailbox.attempts()
    const registered = await server.client().register(accounts[index])
    await expect.poll(() => server.mailbox.attempts()).toBeGreaterThan(before)
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

test('a mail that is refused permanently fails after one attempt and is recorded as an event', async () => {
  const server = await startServerWithMail()
  server.mailbox.misbehave({ code: 550 })
  const { email, user } = await server.registerUser()

  await expect.poll(() => outbox(server, email)).toMatchObject([{ status: 'FAILED', attempts: 1 }])
  expect(await server.eventsOf(user.id)).toEqual(['register', 'mail_failed'])
})

test('a mail that has expired fails and is not sent', async () => {
  const server = await startServerWithMail()
  const email = account().email
  await server.sql`
    insert into mail_outbox (kind, recipient, expires_at) values ('password-changed', ${email}, now() - interval '1 second')`

  await expect.poll(() => outbox(server, email)).toMatchObject([{ status: 'FAILED' }])
  expect(server.mailbox.received).toEqual([])
})

test.each(['password-changed', 'email-changed'])(
  'a mail server that was away for 20 hours loses no mail of the kind %s',
  async (kind) => {
    const server = await startServerWithMail()
    const input = account()
    const { data } = await server.client().register(input)
    await server.mailbox.mail(input.email, /Verify/)
    server.mailbox.misbehave({ code: 451 })
    const row = () =>
      server.sql`select status, attempts, extract(epoch from next_attempt_at - now())::int as wait from mail_outbox where kind = ${kind}`
    await server.sql`
      insert into mail_outbox (kind, recipient, user_id, attempts, created_at, expires_at)
      values (${kind}, ${input.email}, ${data?.user.id ?? ''}, 85, now() - interval '20 hours', now() + interval '52 hours')`
    await expect.poll(row).toMatchObject([{ status: 'PENDING', attempts: 86 }])
    await expect.poll(async () => (await row())[0]?.wait).toBeGreaterThan(890)
    expect((await row())[0]?.wait).toBeLessThanOrEqual(900)

    server.mailbox.misbehave(undefined)
    await server.sql`update mail_outbox set next_attempt_at = now() where kind = ${kind}`

    expect((await server.mailbox.mail(input.email, /was changed/)).text).toContain('was changed')
    await expect.poll(row).toMatchObject([{ status: 'SENT' }])
  },
)

test('the last attempts are close to the expiry of the mail', async () => {
  const server = await startServerWithMail()
  server.mailbox.misbehave({ code: 451 })
  const email = account().email
  await server.sql`
    insert into mail_outbox (kind, recipient, attempts, expires_at)
    values ('password-changed', ${email}, 20, now() + interval '2 minutes')`

  // The lease has the same length. It ends when the attempt has failed.
  const secondsAfterNext = async () => {
    const [row] =
      await server.sql`select extract(epoch from expires_at - next_attempt_at)::int as left from mail_outbox where fault is not null`
    return row?.left
  }
  await expect.poll(secondsAfterNext).toBeDefined()

  // Half of the two minutes, less half of what has passed before the attempt.
  expect(await secondsAfterNext()).toBeLessThanOrEqual(60)
  expect(await secondsAfterNext()).toBeGreaterThan(40)
})

test.each([
  ['greets with a refusal', '554 No service', ''],
  ['refuses the password', '220 Ready', 'AUTH'],
  ['refuses the sender', '220 Ready', 'MAIL'],
])('a mail server that %s loses no mail, because the operator can end that', async (_, greeting, refused) => {
  let commands = 0
  const listener = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(`${greeting}\r\n`)
    socket.on('data', (data) => {
      const command = data.toString().split(/\s/)[0] ?? ''
      commands++
      if (command === refused) socket.write('550 No\r\n')
      else socket.write(command === 'EHLO' ? '250-localhost\r\n250 AUTH PLAIN\r\n' : '235 Yes\r\n')
    })
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  const server = await startServer({
    SMTP_URL: `smtp://user:secret@127.0.0.1:${typeof address === 'object' && address?.port}`,
  })
  const email = account().email
  await server.sql`
    insert into mail_outbox (kind, recipient, expires_at)
    values ('password-changed', ${email}, now() + interval '72 hours')`

  await expect.poll(async () => (await outbox(server, email))[0]?.attempts).toBeGreaterThan(1)
  listener.close()

  expect(await outbox(server, email)).toMatchObject([{ status: 'PENDING' }])
  if (refused) expect(commands).toBeGreaterThan(0)
})

test('two replicas send each of a hundred mails once', async () => {
  const first = await startServerWithMail()
  await first.startReplica()
  const recipients = Array.from({ length: 100 }, () => account().email)

  await first.sql`
    insert into mail_outbox (kind, recipient, expires_at)
    select 'password-changed', unnest(${recipients}::text[]), now() + interval '1 hour'`
  await expect.poll(() => first.mailbox.received.length).toBeGreaterThanOrEqual(100)
  await pause(1000)

  expect(first.mailbox.received.map(({ to }) => to).sort()).toEqual([...recipients].sort())
})

test('a mail that a dead replica had leased is sent again, and its token works once', async () => {
  const server = await startServerWithMail()
  server.mailbox.misbehave({ code: 451 })
  const { email, password } = await server.registerUser()
  await expect.poll(() => server.mailbox.attempts()).toBeGreaterThan(0)
  server.mailbox.misbehave(undefined)
  const token = await server.mailbox.token(email, /Verify/)
  await server.client().call('verifyEmail', { token, password })

  // As if the replica had died after sending and before writing it down.
  await server.sql`update mail_outbox set status = 'PENDING', next_attempt_at = now() where recipient = ${email}`
  await expect.poll(() => outbox(server, email)).toMatchObject([{ status: 'SKIPPED' }])

  expect(server.mailbox.received).toHaveLength(1)
  expect((await server.client().call('verifyEmail', { token })).code).toBe('INVALID_TOKEN')
})

/** Holds every mail, until the test says otherwise: a little less than a step of the conversation may take. */
const HOLD = { at: 'DATA', isSlow: () => true, delayMs: 9000 } as const

test.each([
  ['sent', undefined],
  ['refused', { code: 451 }],
])('a worker that lost its lease writes nothing about a mail that is %s late', async (_, fault) => {
  const server = await startServerWithMail()
  server.mailbox.misbehave(fault)
  server.mailbox.slowDown(HOLD)
  const { email } = await server.registerUser()
  await expect.poll(() => server.mailbox.attempts()).toBe(1)

  const taken = await server.sql`
    update mail_outbox set attempts = 7, next_attempt_at = now() + interval '1 hour'
    where recipient = ${email} returning next_attempt_at`
  expect(server.mailbox.slowAnswers()).toBe(0)
  server.mailbox.slowDown(undefined)
  await expect.poll(() => server.mailbox.slowAnswers()).toBe(1)
  await pause(1000)

  expect(
    await server.sql`select status, attempts, next_attempt_at from mail_outbox where recipient = ${email}`,
  ).toEqual([{ status: 'PENDING', attempts: 7, next_attempt_at: taken[0]?.next_attempt_at }])
  expect(server.mailbox.attempts()).toBe(1)
})

test('a worker leases no more mails than it can send within the lease', async () => {
  const server = await startServerWithMail()
  server.mailbox.slowDown(HOLD)
  await server.sql`
    insert into mail_outbox (kind, recipient, expires_at)
    select 'password-changed', n || '@example.com', now() + interval '1 hour' from generate_series(1, 200) n`
  await expect.poll(() => server.mailbox.attempts()).toBeGreaterThan(0)

  // A mail that is taken is on its way to the mail server, and soon there.
  const countLeased = async () => {
    const [row] = await server.sql`select count(*)::int as taken from mail_outbox where attempts > 0`
    return row?.taken - server.mailbox.attempts()
  }
  await expect.poll(countLeased).toBe(0)
})

test('a mail names its sender, has one recipient and both text and HTML', async () => {
  const server = await startServerWithMail({ MAIL_FROM: 'Example <auth@example.com>' })
  const { email } = await server.registerUser()

  const mail = await server.mailbox.mail(email, /^Verify your e-mail address$/)

  expect(mail.headers).toMatch(/^From: Example <auth@example\.com>$/m)
  expect(mail.recipients).toBe(1)
  expect(mail.html).toContain(`<a href="https://app.example.com/account/verify-email#token=${mail.token}">`)
})

test.each(['is not there', 'accepts connections and says nothing'])(
  'a mail server that %s delays no request and no stop',
  async (how) => {
    const sockets = new Set<Socket>()
    const listener = createServer((socket) => sockets.add(socket.on('error', () => {})))
    listener.listen(0, '127.0.0.1')
    const SMTP_URL = `smtp://127.0.0.1:${await portOf(listener)}`
    if (how === 'is not there') listener.close()
    const server = await startServer({ SMTP_URL })
    const input = account()
    const began = performance.now()

    const registered = await server.client().register(input)
    const asked = await server.client().call('requestPasswordReset', { email: input.email })
    const answered = performance.now()
    await expect
      .poll(() => outbox(server, input.email))
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
    // A step of the conversation with the mail server may take 10 seconds, and neither waits for one.
    expect((answered - began) / 1000).toBeLessThan(9)
    expect((stopped - stopping) / 1000).toBeLessThan(9)
    expect(await outbox(server, input.email)).toMatchObject([{ status: 'PENDING' }, { status: 'PENDING' }])
  },
)

test('without a mail server in production, operations that need a mail are unavailable', async () => {
  const server = await startServer()
  const { client, input } = await server.registerUser('GraphQL')
  await server.sql`update users set email_verified = true where email = ${input.email}`

  const answers = await Promise.all([
    client.call('requestPasswordReset', { email: input.email }),
    client.call('requestEmailVerification'),
    client.updateMe({ email: account().email, currentPassword: input.password }),
  ])
  const changed = await client.changePassword({
    currentPassword: input.password,
    newPassword: 'another long phrase',
  })

  for (const { code, retryAfter } of answers) expect([code, retryAfter]).toEqual(['SERVICE_UNAVAILABLE', 60])
  expect(changed.data).not.toBeNull()
  expect(await server.sql`select from mail_outbox`).toHaveLength(0)
})

test('a long reply of the mail server is read in part, since the search for secrets in it takes long', () => {
  const reply = (response: string) => readReply(Object.assign(new Error(), { response }))

  expect(reply(`550 ${'a!'.repeat(20_000)}`)).toBe('550 ***')
  // Without its end, an address is not known as one.
  expect(reply(`550 ${'a'.repeat(983)} secret-address@example.com`)).toBe('550 *** ***')
  expect(reply(`550 ${'no '.repeat(400)}`)).toBe(`550 ${'no '.repeat(400)}`.slice(0, 200))
})

test('the log has the reply of the mail server to a mail that was not sent, without the address', async () => {
  const mailbox = await openForTest(createMailbox)
  const database = await createDatabase()
  onTestFinished(database.drop)
  const server = await startProgram({ DATABASE_URL: database.url, SMTP_URL: mailbox.url })
  const input = account()
  mailbox.misbehave({
    code: 451,
    reply: `4.7.1 <${input.email}>: try again later, see https://mail.example/help`,
  })

  await server.client().register(input)

  await expect
    .poll(server.output)
    .toMatch(/"reply":"451 4\.7\.1 \*\*\* try again later, see \*\*\*".*"mail not sent"/)
  expect(server.output()).not.toContain(input.email)
  await server.stop()
})
