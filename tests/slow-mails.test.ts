import { expect, test } from 'vitest'
import { MAX_PER_DOMAIN, SLOW_MS } from '../src/mail/fair-places.ts'
import { account } from './support/client.ts'
import { type ServerWithMail, startServerWithMail } from './support/server.ts'
import { pause, secondsSince } from './support/time.ts'

const isOf = (domain: string) => (address: string) => address.endsWith(domain)

/** Mails that a stranger caused before all others. */
const flood = ({ sql }: ServerWithMail, domains: string[], count: number) => sql`
  insert into mail_outbox (kind, recipient, next_attempt_at, expires_at)
  select 'password-changed', n || '@' || domain, now() - interval '1 minute', now() + interval '1 hour'
  from generate_series(1, ${count}::int) n, unnest(${domains}::text[]) domain order by n`

/** Registers a user, and returns the seconds until the first mail comes. */
async function waitForMail(server: ServerWithMail, email = account().email) {
  const input = { ...account(), email }
  const began = performance.now()
  await server.client().register(input)
  await server.mailbox.mail(input.email, /Verify/)
  return secondsSince(began)
}

const countTaken = async ({ sql }: ServerWithMail, domain: string) => {
  const [row] = await sql`
    select count(*)::int as taken from mail_outbox where attempts > 0 and recipient like ${`%${domain}`}`
  return row?.taken
}

test.each(['RCPT', 'DATA'] as const)(
  'a mail server that is slow at %s for one domain delays no mail to another domain',
  async (at) => {
    const server = await startServerWithMail()
    server.mailbox.slowDown({ at, isSlow: isOf('slow.example'), delayMs: 4000 })
    await flood(server, ['slow.example'], 50)
    await expect.poll(() => countTaken(server, 'slow.example')).toBeGreaterThan(2)

    expect(await waitForMail(server)).toBeLessThan(2)
  },
)

test('a stranger cannot hold more connections to the mail server with subdomains', async () => {
  const server = await startServerWithMail()
  const domains = ['a.slow.co.uk', 'b.slow.co.uk', 'c.b.slow.co.uk', 'd.slow.co.uk', 'e.slow.co.uk']
  server.mailbox.slowDown({ at: 'RCPT', isSlow: isOf('slow.co.uk'), delayMs: 4000 })
  await flood(server, domains, 10)
  await expect.poll(() => countTaken(server, 'slow.co.uk')).toBeGreaterThan(2)

  expect(await waitForMail(server, 'owner@quick.co.uk')).toBeLessThan(2)
  expect(await countTaken(server, 'slow.co.uk')).toBe(MAX_PER_DOMAIN)
})

test('two replicas leave room for other mails while they wait for a slow domain', async () => {
  const server = await startServerWithMail()
  server.mailbox.slowDown({ at: 'RCPT', isSlow: isOf('slow.example'), delayMs: 4000 })
  await server.startReplica()
  await flood(server, ['slow.example'], 50)
  await expect.poll(() => countTaken(server, 'slow.example')).toBeGreaterThan(5)

  for (let mail = 0; mail < 4; mail++) expect(await waitForMail(server)).toBeLessThan(2)
})

test('domains that were slow share their room, so that more of them delay no other mail', async () => {
  const server = await startServerWithMail()
  const domains = ['one.example', 'two.example', 'three.example', 'four.example', 'five.example']
  server.mailbox.slowDown({
    at: 'DATA',
    isSlow: (address) => !isOf('@example.com')(address),
    delayMs: SLOW_MS + 500,
  })
  await flood(server, domains, 20)
  // After the first mail to each, they are known.
  await pause(SLOW_MS + 1500)

  for (let mail = 0; mail < 4; mail++) expect(await waitForMail(server)).toBeLessThan(2)
})

test('a flood of mails to one domain that is quick delays others by no more than a few mails', async () => {
  const server = await startServerWithMail()
  server.mailbox.slowDown({ at: 'DATA', isSlow: () => true, delayMs: 200 })
  await flood(server, ['one.example', 'two.example', 'three.example'], 200)
  await expect.poll(() => server.mailbox.received.length).toBeGreaterThan(5)

  expect(await waitForMail(server)).toBeLessThan(2)
})

test('mails to one domain alone are all sent, and no more than it may have at once', async () => {
  const server = await startServerWithMail()
  server.mailbox.slowDown({ at: 'DATA', isSlow: () => true, delayMs: 300 })
  await flood(server, ['one.example'], 12)

  await expect.poll(() => server.mailbox.received.length).toBe(12)

  expect(new Set(server.mailbox.received.map(({ to }) => to)).size).toBe(12)
})
