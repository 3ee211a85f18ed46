import { sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { events } from '../../db/schema/events.ts'
import { users } from '../../db/schema/users.ts'

const MAX_BATCH_ROWS = 500

/**
 * What enables an account. It ends a recovery of factors: any sign-in with a factor would have stopped it, and meanwhile
 * its owner could not sign in.
 */
export const ENABLED = { disabledAt: null, factorRecoveryAt: null }

/**
 * Enables the accounts whose suspension has ended. An account that another transaction has locked is left for the next run,
 * so no order of locks matters, and an administrator who disables it without an end prevails.
 * @returns whether there may be more
 */
export async function endSuspensions(db: Db) {
  const isDue = sql`${users.disabledUntil} <= now()`
  return db.transaction(async (tx) => {
    const enabled = await tx
      .update(users)
      .set(ENABLED)
      .where(
        sql`${users.id} = any(array(
          select id from ${users} where ${isDue}
          order by ${users.disabledUntil} limit ${MAX_BATCH_ROWS} for no key update skip locked))`,
      )
      .returning({ id: users.id })
    if (enabled.length > 0) {
      await tx.insert(events).values(enabled.map(({ id }) => ({ kind: 'account_enabled', userId: id })))
    }
    return enabled.length === MAX_BATCH_ROWS
  })
}
