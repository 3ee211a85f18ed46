import { sql } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import type { Db } from '../db/client.ts'
import { mailOutbox, sessions } from '../db/schema.ts'

const MAIL_TTL_MS = 5000
/** Longer, because counting live sessions scans a whole index. */
const SESSIONS_TTL_MS = 60_000

type MailCounts = { pending: number; oldestSeconds: number; failed: number }

/** Counts that need a query. Each is read at a scrape, but not more often than its TTL allows. */
export function createDatabaseCounts(db: Db) {
  async function countMails() {
    const [counts] = await db.execute<MailCounts>(sql`
      select count(*)::int as pending,
        coalesce(extract(epoch from now() - min(${mailOutbox.createdAt})), 0)::float8 as "oldestSeconds",
        (select count(*)::int from ${mailOutbox} where status = 'FAILED') as failed
      from ${mailOutbox} where status = 'PENDING'`)
    return counts
  }
  async function countLiveSessions() {
    const [row] = await db.execute<{ live: number }>(
      sql`select count(*)::int as live from ${sessions} where ${sessions.expiresAt} > now()`,
    )
    return row?.live
  }
  return {
    mail: cacheCount<MailCounts>(MAIL_TTL_MS, countMails, { pending: 0, oldestSeconds: 0, failed: 0 }),
    liveSessions: cacheCount(SESSIONS_TTL_MS, countLiveSessions, 0),
  }
}

/** While the database does not answer, the last count stays (`initial` before the first). Other metrics show the outage. */
function cacheCount<T extends {}>(ttl: number, fetchMethod: () => Promise<T | undefined>, initial: T) {
  const cache = new LRUCache<'latest', T>({ max: 1, ttl, fetchMethod, allowStaleOnFetchRejection: true })
  return async () => (await cache.fetch('latest')) ?? initial
}
