import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { createDb } from '../src/db/client.ts'
import { users } from '../src/db/schema/users.ts'
import { prepareRows } from '../src/db/statements/row-reader.ts'
import { PATIENT } from './support/database.ts'
import { useServer } from './support/server.ts'

const server = useServer()

const TIMES = [
  '2026-11-26 07:46:06.123456+00',
  '2026-11-26 07:46:06.999999+00',
  '2026-11-26 07:46:06.1+00',
  '2026-11-26 07:46:06.12345+00',
  '2026-11-26 07:46:06+00',
  '1969-12-31 23:59:59+00',
  '0001-01-01 00:00:00+00',
  '9999-12-31 23:59:59.999+00',
]

test('a prepared list has the rows that Drizzle reads, with times as JSON writes them', async () => {
  await server.sql`
    insert into users (email, password, username, roles, created_at, claims, second_factor_at)
    select 'row' || n || '@example.com', 'x', case when n > 6 then 'Zoë' when n > 1 then repeat('x', 80 + n::int) end,
      roles::text[], time::timestamptz, case n when 3 then '{"plan":"prö"}' else '{}' end::jsonb, case when n > 2 then now() end
    from unnest(${TIMES}::text[], array['{}', '{one}', '{one,two}', '{"a b","c,d"}', '{"q\\"t"}', '{}', '{}', '{}'])
      with ordinality as given (time, roles, n)`
  const { db, close } = createDb({ DATABASE_URL: server.env.DATABASE_URL, databaseLimits: PATIENT })
  const { id, username, roles, createdAt, claims, secondFactorAt, disabledAt } = users
  const list = db
    .select({
      id,
      rest: { username, roles, claims, secondFactorAt, disabledAt },
      createdAt,
      isFirst: sql<boolean>`${createdAt} < ${sql.placeholder('time')}::timestamptz`,
    })
    .from(users)
    .orderBy(users.email)

  const rows = await prepareRows(db, list)({ time: '2000-01-01' })
  const expected = await list.prepare('expected').execute({ time: '2000-01-01' })
  await close()

  expect(rows).toHaveLength(TIMES.length)
  expect(rows).toEqual(JSON.parse(JSON.stringify(expected)))
})
