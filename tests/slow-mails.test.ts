import { expect, test } from 'vitest'
import { MAX_PER_DOMAIN, SLOW_MS } from '../src/mail/fair-slots.ts'
import { account } from './support/client.ts'
import { type ServerWithMail, startServerWithMail } from './support/server.ts'

const isOf = (domain: string) => (address: string) => address.endsWith(domain)

/** Mails that a stranger caused before all others. */
const flood = ({ sql }: ServerWithMail, domains: string[], count: number) => sql`
  insert into mail_outbox (kind, recipient, next_attempt_at, expires_at)
  select 'password-changed', n || '@' || domain, now() - interval '1 minute', now() + interval '1 hour'
  from generate_series(1, ${count}::int) n, unnest(${domains}::text[]) domain order by n`

/** Registers a user, and waits for the first mail. @returns how many slow answers the mail server has given meanwhile */
async function countUntilMail(server: ServerWithMail, domain = 'example.com') {
  const before = server.mailbox.slowAnswers()
  const email = `${crypto.randomUUID()}@${domain}`
  await server.client().register({ ...account(), email })
  await server.mailbox.mail(email, /Verify/)
  return server.mailbox.slowAnswers() - before
}

/**
 * Repeats it until a mail arrives between two slow answers. On a busy machine, some mails take as long as these. A mail that
 * must wait for one never does.
 */
const expectNoWait = (...given: Parameters<typeof countUntilMail>) =>
  expect.poll(() => countUntilMail(...given)).toBe(0)

/** A little less than a step of the conversation may take, so that a mail that waits for a slow one is noticed. */
const HELD_MS = 9000

const countTaken = async ({ sql }: ServerWithMail, domain: string) => {
  const [row] = await sql`
    select count(*)::int as taken from mail_outbox where attempts > 0 and recipient like ${`%${domain}`}`
  return row?.taken
}

test.each(['RCPT', 'DATA'] as const)(
  'a mail server that is slow at %s for one domain delays no mail to another domain',
  async (at) => {
    const server = await startServerWithMail()
    server.mailbox.slowDown({ at, isSlow: isOf('slow.example'), delayMs: HELD_MS })
    await flood(server, ['slow.example'], 50)
    await expect.poll(() => countTaken(server, 'slow.example')).toBeGreaterThan(2)

    await expectNoWait(server)
  },
)

test('a stranger cannot hold more connections to the mail server with subdomains', async () => {
  const server = await startServerWithMail()
  const domains = ['a.slow.co.uk', 'b.slow.co.uk', 'c.b.slow.co.uk', 'd.slow.co.uk', 'e.slow.co.uk']
  server.mailbox.slowDown({ at: 'RCPT', isSlow: isOf('slow.co.uk'), delayMs: HELD_MS })
  await flood(server, domains, 10)
  await expect.poll(() => countTaken(server, 'slow.co.uk')).toBeGreaterThan(2)

  await expectNoWait(server, 'quick.co.uk')
  const taken = await countTaken(server, 'slow.co.uk')
  expect(taken - server.mailbox.slowAnswers()).toBeLessThanOrEqual(MAX_PER_DOMAIN)
})

test('two replicas leave room for other mails while they wait for a slow domain', async () => {
  const server = await startServerWithMail()
  server.mailbox.slowDown({ at: 'RCPT', isSlow: isOf('slow.example'), delayMs: HELD_MS })
  await server.startReplica()
  await flood(server, ['slow.example'], 50)
  await expect.poll(() => countTaken(server, 'slow.example')).toBeGreaterThan(5)

  for (let mail = 0; mail < 4; mail++) await expectNoWait(server)
})

test('domains that were slow share their room, so that more of them delay no other mail', async () => {
  const server = await startServerWithMail()
  const domains = ['one.example', 'two.example', 'three.example', 'four.example', 'five.example']
  const slowness = { at: 'DATA', isSlow: (address: string) => !isOf('@example.com')(address) } as const
  server.mailbox.slowDown({ ...slowness, delayMs: SLOW_MS + 500 })
  await flood(server, domains, 20)
  // After the first mail to each, they are known.
  await expect.poll(() => server.mailbox.slowAnswers()).toBeGreaterThanOrEqual(domains.length)
  server.mailbox.slowDown({ ...slowness, delayMs: HELD_MS })
  const countUnderWay = async () => (await countTaken(server, '.example')) - server.mailbox.slowAnswers()
  await expect.poll(countUnderWay).toBe(MAX_PER_DOMAIN)

  for (let mail = 0; mail < 4; mail++) await expectNoWait(server)
})

test('a flood of mails to one domain that is quick delays others by no more than a few mails', async () => {
  const server = await startServerWithMail()
  server.mailbox.slowDown({ at: 'DATA', isSlow: () => true, delayMs: 200 })
  await flood(server, ['one.example', 'two.example', 'three.example'], 200)
  await expect.poll(() => server.mailbox.received.length).toBeGreaterThan(5)

  const { email } = await server.registerUser()
  const before = server.mailbox.slowAnswers()
  await server.mailbox.mail(email, /Verify/)
  expect(server.mailbox.slowAnswers() - before).toBeLessThan(20)
})

test('mails to one domain alone are all sent, and no more than it may have at once', async () => {
  const server = await startServerWithMail()
  server.mailbox.slowDown({ at: 'DATA', isSlow: () => true, delayMs: 300 })
  await flood(server, ['one.example'], 12)

  await expect.poll(() => server.mailbox.received.length).toBe(12)

  expect(new Set(server.mailbox.received.map(({ to }) => to)).size).toBe(12)
})
