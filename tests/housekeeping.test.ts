import { describe, expect, test } from 'vitest'
import { clearAway } from './support/housekeeping.ts'
import { startServer, useServer } from './support/server.ts'

test('expired rows are deleted in batches, and live rows stay', async () => {
  const server = await startServer()
  const { client, user } = await server.registerUser()
  await server.sql`
    insert into sessions (user_id, token, transport, expires_at)
    select ${user.id}, 'old ' || n, 'TOKEN', now() - interval '25 hours' from generate_series(1, 600) n`
  await server.sql`insert into sessions (user_id, token, transport, expires_at) values (${user.id}, 'yesterday', 'TOKEN', now() - interval '1 hour')`
  await server.sql`
    insert into events (kind, created_at, last_at) values
      ('login', now() - interval '99 days', now() - interval '31 days'),
      ('login', now() - interval '99 days', now() - interval '29 days')`
  await server.sql`
    insert into places (user_id, place, signed_in_at, seen_at) values
      (${user.id}, 'n:203.0.113.1', now() - interval '99 days', now() - interval '91 days'),
      (${user.id}, 'n:203.0.113.2', now() - interval '99 days', now() - interval '89 days')`
  await server.sql`
    insert into registrations (id, user_id, password, profile, created_at) values
      (gen_random_uuid(), ${user.id}, 'old', '{}', now() - interval '169 hours'),
      (gen_random_uuid(), ${user.id}, 'new', '{}', now() - interval '167 hours')`
  await server.sql`
    insert into factors (user_id, kind, secret, name, removed_at) values
      (${user.id}, 'TOTP', 'x', 'old', now() - interval '73 hours'),
      (${user.id}, 'TOTP', 'x', 'new', now() - interval '71 hours')`
  await server.sql`
    insert into challenges (id, purpose, expires_at) values
      (gen_random_uuid(), 'SIGN_IN', now() - interval '1 second'),
      (gen_random_uuid(), 'SIGN_IN', now() + interval '1 minute')`
  await server.sql`insert into verification (identifier, value, user_id, purpose, expires_at) values ('spent', 'x', ${user.id}, 'PASSWORD_RESET', now())`
  await server.sql`
    insert into mail_outbox (kind, recipient, status, created_at, expires_at) values
      ('password-changed', 'a', 'SENT', now() - interval '8 days', now()),
      ('password-changed', 'b', 'PENDING', now() - interval '8 days', now() + interval '1 day')`
  await server.sql`
    insert into throttle (key, points, expire)
    select 'spent ' || n, 1, now() - interval '1 second' from generate_series(1, 1300) n`
  await server.sql`insert into throttle (key, points, expire) values ('counting', 1, now() + interval '1 minute')`
  // Records how many rows each statement deletes.
  await server.sql`create table taken (tab text, times int)`
  await server.sql`
    create function note_taken() returns trigger language plpgsql as
    $$ begin insert into taken select tg_table_name, count(*) from gone; return null; end $$`
  for (const table of ['throttle', 'sessions']) {
    await server.sql`
      create trigger taken after delete on ${server.sql(table)} referencing old table as gone
      for each statement execute function note_taken()`
  }
  const count = async (rows: Promise<ArrayLike<unknown>>) => (await rows).length

  await clearAway(server.env.DATABASE_URL)

  expect([...(await server.sql`select tab, times from taken where times > 0`)]).toEqual([
    { tab: 'throttle', times: 500 },
    { tab: 'throttle', times: 500 },
    { tab: 'throttle', times: 300 },
    { tab: 'sessions', times: 500 },
    { tab: 'sessions', times: 100 },
  ])
  expect((await server.sql`select key from throttle`).map(({ key }) => key)).toEqual(['counting'])
  expect(await count(server.sql`select from sessions where token like 'old %'`)).toBe(0)
  expect(await count(server.sql`select from sessions where token = 'yesterday'`)).toBe(1)
  expect(await count(server.sql`select from events where created_at < now() - interval '1 day'`)).toBe(1)
  const places = await server.sql`select place from places where place like 'n:203.0.113.%'`
  expect(places.map(({ place }) => place)).toEqual(['n:203.0.113.2'])
  expect((await server.sql`select password from registrations`).map(({ password }) => password)).toEqual([
    'new',
  ])
  expect((await server.sql`select name from factors`).map(({ name }) => name)).toEqual(['new'])
  expect(await count(server.sql`select from challenges`)).toBe(1)
  expect(await count(server.sql`select from verification`)).toBe(0)
  expect(
    (await server.sql`select recipient from mail_outbox where kind = 'password-changed'`).map(
      ({ recipient }) => recipient,
    ),
  ).toEqual(['b'])
  expect((await client.me()).data).not.toBeNull()
})

describe('more events than the table may have', () => {
  const LIMIT = 1000
  const USER = '00000000-0000-4000-8000-000000000000'
  const server = useServer()
  const fill = (userId: string | null, kind: string, rows: number, age: string) => server.sql`
    insert into events (kind, user_id, last_at)
    select ${kind}, ${userId}::uuid, now() - ${age}::interval - n * interval '1 second'
    from generate_series(1, ${rows}::int) n`
  const sweep = () => clearAway(server.env.DATABASE_URL, { maxEventRows: LIMIT })
  const counts = async () =>
    Object.fromEntries(
      (await server.sql`select kind, count(*)::int from events group by 1`).map(({ kind, count }) => [
        kind,
        count,
      ]),
    )

  test('events that strangers cause without an account are deleted first, the oldest of them first', async () => {
    await server.sql`delete from events`
    await fill(USER, 'login', 500, '20 days')
    await fill(null, 'service_key_created', 100, '20 days')
    await fill(null, 'origin_refused', 300, '2 hours')
    await fill(null, 'throttled', 900, '1 hour')

    await sweep()

    expect(await counts()).toEqual({ login: 500, service_key_created: 100, throttled: 400 })
  })

  test('the oldest events of accounts are deleted next, and no more than exceed the limit', async () => {
    await server.sql`delete from events`
    await fill(USER, 'login', 700, '2 days')
    await fill(USER, 'logout', 1600, '1 day')
    await fill(null, 'throttled', 200, '1 hour')

    await Promise.all([sweep(), sweep()])
    await sweep()

    expect(await counts()).toEqual({ logout: LIMIT })
    const [oldest] =
      await server.sql`select now() - min(last_at) < interval '1 day 1100 seconds' as kept from events`
    expect(oldest?.kept).toBe(true)
  })

  test('about as many events as exceed the limit are deleted if only a sample of the table is read', async () => {
    await server.sql`delete from events`
    await server.sql.unsafe('vacuum full events')
    await fill(null, 'throttled', 60_000, '1 hour')

    await clearAway(server.env.DATABASE_URL, { maxEventRows: 30_000 })

    const left = (await counts()).throttled
    expect(left).toBeGreaterThan(24_000)
    expect(left).toBeLessThan(36_000)
  })
})
