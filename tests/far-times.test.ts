import { expect, test } from 'vitest'
import { MAX_NOTICE_AGE_SECONDS } from '../src/auth/mailing/outbox.ts'
import { registerAdministrator } from './support/administrator.ts'
import { registerWithTotp } from './support/authenticator.ts'
import { ADAPTERS, type Answer, account, type Client, type Operation } from './support/client.ts'
import { BEHIND_PROXY, startServer, useServer } from './support/server.ts'

const server = useServer()

/** What an operator may write by SQL, for example to disable an account for ever. Neither ISO 8601 nor a Date has them. */
const FAR_TIMES = ['infinity', '-infinity', '12345-01-01 00:00:00+00', '0044-03-15 00:00:00+00 BC']
/** Tables without a user, all of whose rows are changed. */
const SHARED = ['roles', 'service_keys', 'webhooks', 'webhook_deliveries', 'webhook_events']
/** The keys that sign, the counters and the journal are the server's own. */
const NOT_THERE = ['jwks', 'revocations', 'servauth_migrations', 'throttle']

const LISTS = ['users', 'auditEvents', 'mails', 'webhookDeliveries'] as const
const READS: Operation[] = ['roles', 'serviceKeys', 'webhooks']

/** A row in each table, as far as operations do not write one. */
async function fill(admin: Client) {
  const { sql } = server
  await admin.call('putRole', { name: 'support', permissions: ['users:read'] })
  await admin.call('putWebhook', { url: 'http://127.0.0.1:9/' })
  await sql`insert into service_keys (name, hash, scopes) values ('orders', ${crypto.randomUUID()}, '{users:read}')`
}

async function registerVictim() {
  const victim = await registerWithTotp(server)
  await server.sql`insert into mail_outbox (kind, recipient, user_id, expires_at) values
    ('refresh-reused', ${victim.email}, ${victim.user.id}, now() + interval '1 hour')`
  return victim
}

/** The columns of all tables that hold times, with the rows that a test changes. */
async function listColumns() {
  const columns = await server.sql<{ table: string; column: string }[]>`
    select table_name as table, column_name as column from information_schema.columns
    where table_schema = 'public' and data_type = 'timestamp with time zone' and not table_name = any(${NOT_THERE})
    order by 1, 2`
  return columns.map(({ table, column }) => {
    const owner = table === 'users' ? 'id' : SHARED.includes(table) ? undefined : 'user_id'
    return { table, column, owner }
  })
}

test.each(FAR_TIMES)('the time %s in any column is no fault of the server', async (time) => {
  const admin = await registerAdministrator(server, ['admin'])
  await fill(admin.client)
  const faults: string[] = []

  for (const { table, column, owner } of await listColumns()) {
    const { client, user, email, password } = await registerVictim()
    const where = owner ? `where ${owner} = '${user.id}'` : ''
    await server.sql.unsafe(`update ${table} set ${column} = '${time}' ${where}`)
    await server.catchUp()
    const reads = ADAPTERS.flatMap((adapter) => {
      const reader = server.client(adapter, 'COOKIE')
      Object.assign(reader.kept, admin.client.kept)
      return [
        ...[...READS, ...LISTS].map((name) => reader.call(name, undefined)),
        reader.call('user', { id: user.id }),
        server.client(adapter).login({ email, password }),
      ]
    })
    const own = [client.me(), client.sessions(), client.events(), client.factors(), client.exportMe()]
    const answers: Answer<unknown>[] = await Promise.all([...reads, ...own])
    answers.push(await client.refresh())
    const wrong = answers.filter(({ code }) => code === 'INTERNAL' || code === 'SERVICE_UNAVAILABLE')
    if (wrong.length > 0) faults.push(`${table}.${column}: ${wrong.length} answers`)
  }

  expect(faults).toEqual([])
})

test.each(['infinity', '-infinity'])('a page that ends at the time %s has a next one', async (time) => {
  const { client } = await registerAdministrator(server, ['admin'])
  await registerVictim()
  await server.sql`update users set created_at = ${time}::text::timestamptz`
  await server.sql`update events set last_at = ${time}::text::timestamptz`
  await server.sql`update mail_outbox set created_at = ${time}::text::timestamptz`

  for (const name of ['users', 'auditEvents', 'mails'] as const) {
    const first = await client.call(name, { first: 1 })
    const next = await client.call(name, { first: 1, after: first.data?.pageInfo.endCursor })
    expect([name, next.code]).toEqual([name, undefined])
  }
})

test.each(FAR_TIMES)('a mail with the times %s is sent again as long as any other', async (time) => {
  const { client, user } = await registerAdministrator(server, ['admin'])
  const ids: string[] = []
  for (const [createdAt, expiresAt] of [
    [time, time],
    [time, 'now'],
    ['now', time],
  ] as const) {
    const [row] = await server.sql`
      insert into mail_outbox (kind, recipient, user_id, status, created_at, expires_at) values ('refresh-reused',
        'ada@example.com', ${user.id}, 'FAILED', ${createdAt}::text::timestamptz, ${expiresAt}::text::timestamptz)
      returning id`
    ids.push(row?.id)
  }

  const answers = await Promise.all(ids.map((id) => client.call('retryMail', { id })))

  expect(answers.map(({ code, data }) => [code, data?.status])).toEqual(ids.map(() => [undefined, 'PENDING']))
  const rows = await server.sql`
    select round(extract(epoch from expires_at - now()) / 3600)::int as hours from mail_outbox where id = any(${ids})`
  expect(rows.map(({ hours }) => hours)).toEqual(ids.map(() => MAX_NOTICE_AGE_SECONDS / 3600))
})

test('a counter that never expires refuses a network, and says when to try again', async () => {
  const address = '203.0.113.77'
  const limited = await startServer({ THROTTLE: 'on', ...BEHIND_PROXY })
  await limited.sql`insert into throttle (key, points, expire) values (${`loginPerAddress:${address}`}, 1000, 'infinity')`

  const login = await limited.client('REST', 'TOKEN', address).login(account())

  expect(login).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfter: 365 * 24 * 3600 })
  expect(login.headers.get('retry-after')).toBe(String(365 * 24 * 3600))
})

test('a time in the first century is read as it is', async () => {
  const admin = await registerAdministrator(server, ['admin'])
  await server.sql`update users set created_at = '0044-03-15 00:00:00+00' where id = ${admin.user.id}`
  await server.catchUp()

  const { data } = await admin.client.call('user', { id: admin.user.id })

  expect(data?.createdAt).toBe('0044-03-15T00:00:00.000Z')
})
