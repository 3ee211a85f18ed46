import { type SQL, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import type { Db } from '../db/client.ts'
import { events, jwks, mailOutbox, sessions, throttle, verifications } from '../db/schema.ts'
import type { Logger } from '../log.ts'
import { isSpent } from './signing-keys.ts'

const EVERY_MS = 60_000
const BATCH = 500
/** Any number will do, as long as every replica takes the same. */
const LOCK = 7_378_284

/**
 * Clears away what has served: in small batches, so that nobody waits for it, and by one replica
 * at a time. An expired session is kept a day, to be told from one that never was.
 */
export function startHousekeeping({ db, log, eventDays }: { db: Db; log: Logger; eventDays: number }) {
  const ago = (days: number) => sql`now() - make_interval(days => ${days}::int)`
  const spent: [PgTable, SQL][] = [
    [sessions, sql`${sessions.expiresAt} < ${ago(1)}`],
    [verifications, sql`${verifications.expiresAt} < now()`],
    [mailOutbox, sql`${mailOutbox.status} <> 'PENDING' and ${mailOutbox.createdAt} < ${ago(7)}`],
    [events, sql`${events.createdAt} < ${ago(eventDays)}`],
  ]

  async function sweep() {
    await db.delete(throttle).where(sql`${throttle.expire} < ${ago(1)}`)
    await db.update(jwks).set({ privateKey: '' }).where(isSpent)
    for (const [table, isSpent] of spent) {
      await db.transaction(async (tx) => {
        const [lock] = await tx.execute(sql`select pg_try_advisory_xact_lock(${LOCK}) as mine`)
        if (!lock?.mine) return
        await tx.execute(
          sql`delete from ${table} where id in (select id from ${table} where ${isSpent} limit ${BATCH})`,
        )
      })
    }
  }

  const timer = setInterval(() => {
    sweep().catch((err: unknown) => log.warn({ err }, 'housekeeping failed'))
  }, EVERY_MS)
  return { sweep, stop: () => clearInterval(timer) }
}
