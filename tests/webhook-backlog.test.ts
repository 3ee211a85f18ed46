import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { createDb, type Db } from '../src/db/client.ts'
import { createDeliveries } from '../src/webhooks/deliveries.ts'
import { openDatabase, PATIENT } from './support/database.ts'

const EVENTS = 10_000
const TURNS = 20
const WANTED = 32

test.each(['has no statistics', 'was analyzed while nothing waited'])(
  'a worker reads few of many due events for each turn, also if the table %s',
  async (state) => {
    const database = await openDatabase()
    const { db, close } = createDb({ DATABASE_URL: database.url, databaseLimits: PATIENT })
    try {
      const webhookId = crypto.randomUUID()
      await database.sql`
        insert into webhooks (id, url, secrets) values (${webhookId}, 'https://receiver.example', 'x')`
      await database.sql`
        insert into users (email, password) select 'user-' || n || '@example.com', 'x' from generate_series(1, 1000) n`
      await database.sql`update webhook_deliveries set status = 'DELIVERED'`
      if (state.startsWith('was')) await database.sql`analyze`
      await database.sql`
        select announce_event('user.updated', id, '{}')
        from (select id from users, generate_series(1, ${EVENTS / 1000}) n order by n, id) as due`

      const [delivered, reads] = await db.transaction(async (tx) => {
        const deliveries = createDeliveries(tx as unknown as Db)
        let delivered = 0
        for (let turn = 0; turn < TURNS; turn++) {
          const leased = await deliveries.take(webhookId, WANTED)
          await Promise.all(
            leased.map((one) => deliveries.finish({ ...one, isDelivered: true, result: '204' })),
          )
          delivered += leased.length
        }
        const [row] = await tx.execute<{ reads: number }>(sql`
          select (seq_tup_read + idx_tup_fetch)::int as reads from pg_stat_xact_user_tables
          where relname = 'webhook_deliveries'`)
        return [delivered, row?.reads]
      })

      expect(delivered).toBe(TURNS * WANTED)
      expect(reads).toBeLessThan((TURNS * EVENTS) / 2)
    } finally {
      await close()
    }
  },
)
