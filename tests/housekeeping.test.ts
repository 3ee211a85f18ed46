import { expect, test } from 'vitest'
import { clearAway } from './support/housekeeping.ts'
import { startServer } from './support/server.ts'

test('expired rows are deleted in batches, and live rows stay', async () => {
  const server = await startServer()
  const { client, user } = await server.registerUser()
  await server.sql`
    insert into sessions (user_id, token, transport, expires_at)
    select ${user.id}, 'old ' || n, 'TOKEN', now() - interval '25 hours' from generate_series(1, 600) n`
  await server.sql`insert into sessions (user_id, token, transport, expires_at) values (${user.id}, 'yesterday', 'TOKEN', now() - interval '1 hour')`
  await server.sql`insert into events (kind, created_at) values ('login', now() - interval '31 days'), ('login', now() - interval '29 days')`
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
  expect(await count(server.sql`select from verification`)).toBe(0)
  expect(
    (await server.sql`select recipient from mail_outbox where kind = 'password-changed'`).map(
      ({ recipient }) => recipient,
    ),
  ).toEqual(['b'])
  expect((await client.me()).data).not.toBeNull()
})
