import { sql } from 'drizzle-orm'
import type { Db } from '../db/client.ts'
import { mailOutbox, sessions } from '../db/schema.ts'

/** Counting live sessions reads an index from end to end, so it is done less often. */
const MAIL_MS = 5000
const SESSIONS_MS = 60_000

type MailQueue = { pending: number; oldestSeconds: number; failed: number }

/**
 * Numbers that only the database knows, asked for when somebody wants to know and not too often. While it
 * does not answer, the last ones stand: that it does not answer shows elsewhere.
 */
export function createStored(db: Db) {
  const mail = remembered<MailQueue>(
    MAIL_MS,
    async () => {
      const [queue] = await db.execute<MailQueue>(sql`
        select count(*)::int as pending,
          coalesce(extract(epoch from now() - min(${mailOutbox.createdAt})), 0)::float8 as "oldestSeconds",
          (select count(*)::int from ${mailOutbox} where status = 'FAILED') as failed
        from ${mailOutbox} where status = 'PENDING'`)
      return queue
    },
    { pending: 0, oldestSeconds: 0, failed: 0 },
  )
  const liveSessions = remembered(
    SESSIONS_MS,
    async () => {
      const [row] = await db.execute<{ live: number }>(
        sql`select count(*)::int as live from ${sessions} where ${sessions.expiresAt} > now()`,
      )
      return row?.live
    },
    0,
  )
  return { mail, liveSessions }
}

function remembered<T>(ms: number, read: () => Promise<T | undefined>, atFirst: T) {
  let last = atFirst
  let readAt = Number.NEGATIVE_INFINITY
  let reading: Promise<T> | undefined

  async function readAnew() {
    try {
      last = (await read()) ?? last
      readAt = performance.now()
    } catch {
      // Asked again at the next scrape.
    } finally {
      reading = undefined
    }
    return last
  }

  return async () => {
    if (performance.now() - readAt < ms) return last
    reading ??= readAnew()
    return reading
  }
}
