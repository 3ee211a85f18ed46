import { sql } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import type { Db } from '../db/client.ts'
import { secondsSince } from '../db/moments.ts'
import { mailOutbox } from '../db/schema/mail-outbox.ts'
import { sessions } from '../db/schema/sessions.ts'
import { webhookDeliveries, webhooks } from '../db/schema/webhooks.ts'

const MAIL_TTL_MS = 5000
/** Longer, because counting live sessions, or deliveries to a receiver that is away, scans much of an index. */
const LONG_TTL_MS = 60_000

type Counts = { pending: number; oldestSeconds: number; failed: number }

/** Counts that need a query. Each is read at a scrape, but not more often than its TTL allows. */
export function createDatabaseCounts(db: Db) {
  async function countMails() {
    const [counts] = await db.execute<Counts>(sql`
      select count(*)::int as pending,
        coalesce(${secondsSince(sql`min(${mailOutbox.createdAt})`)}, 0) as "oldestSeconds",
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
  /** Those of webhooks that are enabled. */
  async function countDeliveries() {
    const enabled = sql`${webhooks} as w join ${webhookDeliveries} as d on d.webhook_id = w.id and w.disabled_at is null`
    const [counts] = await db.execute<Counts>(sql`
      select (select count(*)::int from ${enabled} and d.status = 'PENDING') as pending,
        (select count(*)::int from ${enabled} and d.status = 'FAILED') as failed,
        (select coalesce(max(${secondsSince(sql`oldest.created_at`)}), 0) from ${webhooks} as w
          cross join lateral (
            select created_at from ${webhookDeliveries} where webhook_id = w.id and status = 'PENDING'
            order by event_id limit 1) as oldest
          where w.disabled_at is null) as "oldestSeconds"`)
    return counts
  }
  const none: Counts = { pending: 0, oldestSeconds: 0, failed: 0 }
  return {
    mail: cacheCount(MAIL_TTL_MS, countMails, none),
    deliveries: cacheCount(LONG_TTL_MS, countDeliveries, none),
    liveSessions: cacheCount(LONG_TTL_MS, countLiveSessions, 0),
  }
}

/** While the database does not answer, the last count stays (`initial` before the first). Other metrics show the outage. */
function cacheCount<T extends {}>(ttl: number, fetchMethod: () => Promise<T | undefined>, initial: T) {
  const cache = new LRUCache<'latest', T>({ max: 1, ttl, fetchMethod, allowStaleOnFetchRejection: true })
  return async () => (await cache.fetch('latest')) ?? initial
}
