import { sql } from 'drizzle-orm'
import { GRACE_SECONDS } from '../../contract/lifetimes.ts'
import { sessions } from '../../db/schema/sessions.ts'

// A lost reply and a theft look the same: a client presents a token that has been replaced. Use tells them apart. While no
// client has used the successor, its reply may be lost, however long ago that was.

/** How long a request may be under way before it reaches the database. */
export const MAX_REQUEST_SECONDS = 10

const { rotatedAt, tokenUsedAt } = sessions

/** Written into the statement, not bound to it, because the database then computes it only once. */
export function toInterval(seconds: number) {
  return sql.raw(`make_interval(secs => ${seconds})`)
}

export const grace = toInterval(GRACE_SECONDS)

/**
 * Whether the current token has been used since it replaced its predecessor. A first use before the rotation is that of
 * another token: an older version of the server does not clear it. `infinity` is no use, see `rotation-statement.ts`.
 */
export const isTokenUsed = sql<boolean>`coalesce(${tokenUsedAt} >= ${rotatedAt} and ${tokenUsedAt} < 'infinity', false)`

/** Whether the predecessor of the current token is still valid. */
export const isPredecessorValid = sql<boolean>`coalesce(${tokenUsedAt} < ${rotatedAt} or ${tokenUsedAt} > now() - ${grace}, true)`

/** The time of a first use that happens now. It counts even if the clock of the database was set back since the rotation. */
export const timeOfUse = sql`greatest(now(), ${rotatedAt})`
