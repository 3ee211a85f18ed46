import { type Column, type SQL, sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Db, Executor } from '../db/client.ts'
import { LOCKS } from '../db/locks.ts'
import { daysAgo, secondsAgo } from '../db/moments.ts'
import { events } from '../db/schema/events.ts'
import { challenges, factors } from '../db/schema/factors.ts'
import { jwks } from '../db/schema/keys.ts'
import { mailOutbox } from '../db/schema/mail-outbox.ts'
import { registrations, verifications } from '../db/schema/mailed-tokens.ts'
import { revocations, sessions } from '../db/schema/sessions.ts'
import { places, throttle } from '../db/schema/throttle.ts'
import { users } from '../db/schema/users.ts'
import { webhookEvents } from '../db/schema/webhooks.ts'
import { endSuspensions } from './administration/suspension-ends.ts'
import { isPrivateKeyObsolete } from './keys/signing-keys.ts'
import { KEPT_SECONDS } from './services/revocation-log.ts'
import { KNOWN_PLACE_DAYS } from './throttle/places.ts'

export const INTERVAL_MS = 60_000
/**
 * How long expired sessions, mails that were sent or given up, registrations and removed factors are kept. The link that
 * brings a factor back lives as long as the factor.
 */
export const KEPT_DAYS = { session: 1, mail: 7, registration: 1, removedFactor: 3, webhookEvent: 7 }
const MAX_BATCH_ROWS = 500
/** For one table in one run: 200,000 rows, more than a server under attack creates in a minute. */
const MAX_BATCHES = 400
/** A pause between batches, so that waiting requests get the database first. */
const BATCH_PAUSE_MS = 10
/** How much of the table of events is read to estimate how many rows it has: 4 MB, with an error of about 5 %. */
const SAMPLE_PAGES = 500

/** Rows to delete: those of the table of `time` that match, oldest first, and at most `maxRows`. */
type Cleanup = { time: Column; where: SQL; maxRows: SQL }

type Options = { db: Db; log: Logger; eventDays: number; maxEventRows: number }

/**
 * Deletes old rows every minute, in small batches that delay no request, and in one replica at a time. Expired sessions
 * are kept for a day, so that their clients get `EXPIRED` instead of `REVOKED`. It also ends suspensions.
 */
export function startHousekeeping({ db, log, eventDays, maxEventRows }: Options) {
  const isBefore = (time: Column, limit: SQL): Cleanup => ({
    time,
    where: sql`${time} < ${limit}`,
    maxRows: sql`${MAX_BATCH_ROWS}`,
  })
  const isExcess = (where: SQL): Cleanup => ({
    time: events.lastAt,
    where,
    maxRows: sql`(${estimateEvents} - ${maxEventRows}::float8)`,
  })
  const cleanups = [
    isBefore(throttle.expire, sql`now()`),
    isBefore(sessions.expiresAt, daysAgo(KEPT_DAYS.session)),
    isBefore(verifications.expiresAt, sql`now()`),
    isBefore(challenges.expiresAt, sql`now()`),
    isBefore(factors.removedAt, daysAgo(KEPT_DAYS.removedFactor)),
    isBefore(mailOutbox.createdAt, sql`${daysAgo(KEPT_DAYS.mail)} and ${mailOutbox.status} <> 'PENDING'`),
    isBefore(registrations.createdAt, daysAgo(KEPT_DAYS.registration)),
    isBefore(revocations.at, secondsAgo(KEPT_SECONDS)),
    // Their deliveries go with them; the last attempt was days ago.
    isBefore(webhookEvents.at, daysAgo(KEPT_DAYS.webhookEvent)),
    isBefore(places.seenAt, daysAgo(KNOWN_PLACE_DAYS)),
    isBefore(events.lastAt, daysAgo(eventDays)),
    // Any client can cause events without an account, so a flood of them deletes no events of users.
    isExcess(sql`${events.userId} is null`),
    isExcess(sql`true`),
  ]
  let stopped = false

  async function endAllSuspensions() {
    while (!stopped && (await endSuspensions(db))) await Bun.sleep(BATCH_PAUSE_MS)
  }

  async function deleteOldRows() {
    await db.update(jwks).set({ privateKey: '' }).where(isPrivateKeyObsolete)
    for (const cleanup of cleanups) {
      for (let batch = 0; batch < MAX_BATCHES && !stopped; batch++) {
        const deleted = await deleteBatch(cleanup)
        // The order matters, so a run does not go on past what another replica has not finished.
        if (deleted === null) return
        if (deleted < MAX_BATCH_ROWS) break
        await Bun.sleep(BATCH_PAUSE_MS)
      }
    }
  }

  /** @returns how many rows were deleted; null if another replica is running a batch */
  async function deleteBatch({ time, where, maxRows }: Cleanup) {
    const { table } = time
    return db.transaction(async (tx) => {
      const [lock] = await tx.execute(sql`select pg_try_advisory_xact_lock(${LOCKS.housekeeping}) as mine`)
      if (!lock?.mine) return null
      if (table === sessions) await lockUsersOfExpired(tx, where)
      // The condition stands twice, because a counter may start again in between. The order and the array make
      // PostgreSQL use an index, whatever it assumes about the parameters.
      const { count } = await tx.execute(sql`
        delete from ${table}
        where ctid = any(array(
            select ctid from ${table} where ${where} order by ${time}
            limit least(${MAX_BATCH_ROWS}, greatest(0, ${maxRows}))::int))
          and ${where}`)
      return count
    })
  }

  function repeat(work: () => Promise<void>) {
    let running: Promise<void> | undefined
    const timer = setInterval(() => {
      running ??= work()
        .catch((err: unknown) => log.warn({ err }, 'housekeeping failed'))
        .finally(() => {
          running = undefined
        })
    }, INTERVAL_MS)
    return async () => {
      clearInterval(timer)
      await running
    }
  }

  // Apart, because a flood of old rows can take longer than a minute.
  const stops = [repeat(endAllSuspensions), repeat(deleteOldRows)]
  return {
    async sweep() {
      await endAllSuspensions()
      await deleteOldRows()
    },
    async stop() {
      stopped = true
      await Promise.all(stops.map((stop) => stop()))
    },
  }
}

/** Every operation locks the user first. The trigger that ends what a session asked for may change its row. */
const lockUsersOfExpired = (tx: Executor, where: SQL) =>
  tx.execute(sql`
    select from ${users}
    where pending_session_id is not null and id = any(array(
      select user_id from ${sessions} where ${where} order by ${sessions.expiresAt} limit ${MAX_BATCH_ROWS}::int))
    order by id for no key update`)

/**
 * About how many events there are, from a sample of pages that is always the same. Counting them all would take seconds,
 * and PostgreSQL's own estimate is old after a deletion and gone after a crash.
 */
const pages = sql`(pg_relation_size('events'::regclass) / current_setting('block_size')::int)`
const samplePercent = sql`least(100, 100.0 * ${sql.raw(String(SAMPLE_PAGES))} / greatest(1, ${pages}))`
const estimateEvents = sql`(
  select count(*) * 100 / ${samplePercent} from ${events} tablesample system (${samplePercent}) repeatable (0))`
