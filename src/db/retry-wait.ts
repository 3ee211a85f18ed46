import { type SQLWrapper, sql } from 'drizzle-orm'
import { secondsUntil } from './moments.ts'

const MIN_LAST_RETRY_SECONDS = 10

/**
 * How long work that has failed waits for its next attempt: twice as long after each attempt, but at most half of the time that
 * is left. So the last attempts are close to the expiry.
 */
export function retryWait(
  { attempts, expiresAt }: { attempts: SQLWrapper; expiresAt: SQLWrapper },
  maxSeconds: number,
) {
  const half = sql`${secondsUntil(expiresAt)} / 2`
  return sql`make_interval(secs => least(
      2.0 ^ least(${attempts}, 20), ${maxSeconds}::int, greatest(${half}, ${MIN_LAST_RETRY_SECONDS}::int)))`
}
