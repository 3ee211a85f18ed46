import { type SQL, sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Db, Executor } from '../db/client.ts'
import { LOCKS } from '../db/locks.ts'
import { jwks } from '../db/schema/keys.ts'
import { sessions } from '../db/schema/sessions.ts'
import { users } from '../db/schema/users.ts'
import { endSuspensions } from './administration/suspension-ends.ts'
import { isPrivateKeyObsolete } from './keys/signing-keys.ts'
import { type Cleanup, createCleanups, type EventLimits, MAX_BATCH_ROWS } from './old-rows.ts'

export const INTERVAL_MS = 60_000
/** For one table in one run: 200,000 rows, more than a server under attack creates in a minute. */
const MAX_BATCHES = 400
/** A pause between batches, so that waiting requests get the database first. */
const BATCH_PAUSE_MS = 10

type Options = { db: Db; log: Logger } & EventLimits

/**
 * Deletes old rows every minute, in small batches that delay no request, and in one replica at a time. Expired sessions
 * are kept for a day, so that their clients get `EXPIRED` instead of `REVOKED`. It also ends suspensions.
 */
export function startHousekeeping({ db, log, ...limits }: Options) {
  const cleanups = createCleanups(limits)
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
