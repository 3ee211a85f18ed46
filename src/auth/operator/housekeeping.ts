import { type Column, type SQL, sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Db } from '../../db/client.ts'
import { LOCKS } from '../../db/locks.ts'
import { events, jwks, mailOutbox, sessions, throttle, verifications } from '../../db/schema.ts'
import { isPrivateKeyObsolete } from '../keys/signing-keys.ts'

export const INTERVAL_MS = 60_000
/** How long a session is kept after it expires, and a mail after it was put into the outbox. */
export const KEPT_DAYS = { session: 1, mail: 7 } as const
const MAX_BATCH_ROWS = 500
/** For one table in one run: 200,000 rows, more than a server under attack creates in a minute. */
const MAX_BATCHES = 400
/** A pause between batches, so that waiting requests get the database first. */
const BATCH_PAUSE_MS = 10
/** A table to clean: rows are deleted if `time` is before `limit`. */
type Cleanup = [key: Column, time: Column, limit: SQL]

/**
 * Deletes old rows every minute, in small batches that delay no request, and in one replica at a time. Expired sessions
 * are kept for a day, so that their clients get `EXPIRED` instead of `REVOKED`.
 */
export function startHousekeeping({ db, log, eventDays }: { db: Db; log: Logger; eventDays: number }) {
  const ago = (days: number) => sql`now() - make_interval(days => ${days}::int)`
  const cleanups: Cleanup[] = [
    [throttle.key, throttle.expire, sql`now()`],
    [sessions.id, sessions.expiresAt, ago(KEPT_DAYS.session)],
    [verifications.id, verifications.expiresAt, sql`now()`],
    [mailOutbox.id, mailOutbox.createdAt, sql`${ago(KEPT_DAYS.mail)} and ${mailOutbox.status} <> 'PENDING'`],
    [events.id, events.createdAt, ago(eventDays)],
  ]
  let stopped = false
  let sweeping: Promise<void> | undefined

  async function sweep() {
    await db.update(jwks).set({ privateKey: '' }).where(isPrivateKeyObsolete)
    for (const cleanup of cleanups) {
      for (let batch = 0; batch < MAX_BATCHES && !stopped; batch++) {
        if ((await deleteBatch(cleanup)) < MAX_BATCH_ROWS) break
        await new Promise((done) => setTimeout(done, BATCH_PAUSE_MS))
      }
    }
  }

  /** @returns how many rows were deleted; 0 if another replica is running a batch */
  async function deleteBatch([key, time, limit]: Cleanup) {
    const { table } = key
    const isOld = sql`${time} < ${limit}`
    return db.transaction(async (tx) => {
      const [lock] = await tx.execute(sql`select pg_try_advisory_xact_lock(${LOCKS.housekeeping}) as mine`)
      if (!lock?.mine) return 0
      // The condition stands twice, because a counter may start again in between. The order and the array make
      // PostgreSQL use an index for both steps, whatever it assumes about the parameters.
      const { count } = await tx.execute(sql`
        delete from ${table}
        where ${key} = any(array(select ${key} from ${table} where ${isOld} order by ${time} limit ${MAX_BATCH_ROWS}))
          and ${isOld}`)
      return count
    })
  }

  const timer = setInterval(() => {
    sweeping ??= sweep()
      .catch((err: unknown) => log.warn({ err }, 'housekeeping failed'))
      .finally(() => {
        sweeping = undefined
      })
  }, INTERVAL_MS)
  return {
    sweep,
    async stop() {
      stopped = true
      clearInterval(timer)
      await sweeping
    },
  }
}
