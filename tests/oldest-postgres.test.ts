import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createRevocationLog } from '../src/auth/services/revocation-log.ts'
import { createDb } from '../src/db/client.ts'
import { migrate } from '../src/db/migrate.ts'
import { callCommand } from './support/command.ts'
import { PATIENT } from './support/database.ts'
import { hasOldestPostgres, useOldestPostgres } from './support/oldest-postgres.ts'
import { ORIGIN } from './support/server.ts'

const ENV = { NODE_ENV: 'production', AUTH_SECRET: randomBytes(32).toString('hex'), PUBLIC_URL: ORIGIN }

/** Until version 17, PostgreSQL cannot subtract a time that is infinite. */
describe.runIf(hasOldestPostgres)('with the oldest PostgreSQL', () => {
  const database = useOldestPostgres()
  beforeAll(() => migrate({ DATABASE_URL: database.url }))

  test.each([
    ['now', 'infinity'],
    ['-infinity', 'now'],
    ['infinity', 'infinity'],
  ])('a failed mail with the times %s and %s is sent again', async (createdAt, expiresAt) => {
    const [mail] = await database.sql`
      insert into mail_outbox (kind, recipient, status, created_at, expires_at) values ('password-changed',
        'ada@example.com', 'FAILED', ${createdAt}::text::timestamptz, ${expiresAt}::text::timestamptz) returning id`

    const env = { ...ENV, DATABASE_URL: database.url }
    const { code, output } = await callCommand(`mail retry ${mail?.id}`, { env })

    expect(output).toContain('is sent again')
    expect(code).toBe(0)
    const [row] = await database.sql`
      select status, round(extract(epoch from expires_at - now()) / 3600)::int as hours from mail_outbox where id = ${mail?.id}`
    expect(row).toEqual({ status: 'PENDING', hours: 72 })
  })

  test('a revocation at an infinite time is read like any other', async () => {
    const subject = crypto.randomUUID()
    await database.sql`insert into revocations (kind, subject, at) values ('ENDED', ${subject}, 'infinity')`
    const { db, close } = createDb({ DATABASE_URL: database.url, databaseLimits: PATIENT })
    onTestFinished(close)

    const { added } = await createRevocationLog(db).read()

    expect(added.flat()).toContainEqual(expect.objectContaining({ kind: 'ENDED', subject }))
  })
})
