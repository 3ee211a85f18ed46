import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { createDb, type Db } from '../src/db/client.ts'
import { createDeliveries } from '../src/webhooks/deliveries.ts'
import { useDatabase } from './support/database.ts'

const EVENTS = 20_000
const WANTED = 64

const database = useDatabase()

test('a lease reads few of many due events, also before the statistics of the table know of them', async () => {
  const { db, close } = createDb({ DATABASE_URL: database.url })
  try {
    const webhookId = crypto.randomUUID()
    await db.execute(
      sql`insert into webhooks (id, url, secrets) values (${webhookId}, 'https://receiver.example', 'x')`,
    )
    await db.execute(sql`insert into users (email, password)
      select 'user-' || n || '@example.com', 'x' from generate_series(1, 1000) n`)
    // The trigger of the table writes their deliveries.
    await db.execute(sql`delete from webhook_events`)
    await db.execute(sql`insert into webhook_events (type, user_id, data)
      select 'user.updated', users.id, '{}' from generate_series(1, ${EVENTS / 1000}::int), users`)
    await db.execute(sql`insert into webhook_deliveries (webhook_id, event_id, user_id, expires_at)
      select ${webhookId}::uuid, id, user_id, now() + interval '1 day' from webhook_events on conflict do nothing`)

    const [leased, read] = await db.transaction(async (tx) => {
      const taken = await createDeliveries(tx as unknown as Db).take(webhookId, WANTED)
      const [row] = await tx.execute<{ rows: number }>(sql`
        select (seq_tup_read + idx_tup_fetch)::int as rows from pg_stat_xact_user_tables
        where relname = 'webhook_deliveries'`)
      return [taken.length, row?.rows]
    })

    expect(leased).toBe(WANTED)
    expect(read).toBeLessThan(EVENTS)
  } finally {
    await close()
  }
})
