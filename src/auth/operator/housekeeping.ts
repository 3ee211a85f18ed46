import { type Column, type SQL, sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Db } from '../../db/client.ts'
import { LOCKS } from '../../db/locks.ts'
import { events, jwks, mailOutbox, sessions, throttle, verifications } from '../../db/schema.ts'
import { isPrivateKeyObsolete } from '../keys/signing-keys.ts'

export const EVERY_MS = 60_000
const BATCH = 500
/** Of one table in one go: 200,000 rows, more than a server under attack makes in a minute. */
const MOST_BATCHES = 400
/** How long a session is kept after it expires, and a mail after it was promised. */
export const KEPT_DAYS = { session: 1, mail: 7 } as const
/** Between batches, so that whoever waits for the database goes first. */
const PAUSE_MS = 10
/** What is spent: the key of its table, and the time that must lie before a limit. */
type Spent = [key: Column, time: Column, limit: SQL]

/**
 * Clears away what has served: in small batches, so that nobody waits for it, and by one replica
 * at a time. An expired session is kept a day, to be told from one that never was.
 */
export function startHousekeeping({ db, log, eventDays }: { db: Db; log: Logger; eventDays: number }) {
  const ago = (days: number) => sql`now() - make_interval(days => ${days}::int)`
  const spent: Spent[] = [
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
    for (const kind of spent) {
      for (let batch = 0; batch < MOST_BATCHES && !stopped; batch++) {
        if ((await clear(kind)) < BATCH) break
        await new Promise((done) => setTimeout(done, PAUSE_MS))
      }
    }
  }

  /** @returns how many rows were cleared; none where another replica is at it */
  async function clear([key, time, limit]: Spent) {
    const { table } = key
    const isSpent = sql`${time} < ${limit}`
    return db.transaction(async (tx) => {
      const [lock] = await tx.execute(sql`select pg_try_advisory_xact_lock(${LOCKS.housekeeping}) as mine`)
      if (!lock?.mine) return 0
      // Asked twice: a counter that begins anew meanwhile is not spent any more. In order, and as an array, so that
      // both go by an index whatever the planner thinks of the parameters.
      const { count } = await tx.execute(sql`
        delete from ${table}
        where ${key} = any(array(select ${key} from ${table} where ${isSpent} order by ${time} limit ${BATCH}))
          and ${isSpent}`)
      return count
    })
  }

  const timer = setInterval(() => {
    sweeping ??= sweep()
      .catch((err: unknown) => log.warn({ err }, 'housekeeping failed'))
      .finally(() => {
        sweeping = undefined
      })
  }, EVERY_MS)
  return {
    sweep,
    async stop() {
      stopped = true
      clearInterval(timer)
      await sweeping
    },
  }
}
