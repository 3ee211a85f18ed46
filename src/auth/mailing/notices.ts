import { sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { type MailRow, mailOutbox } from '../../db/schema/mail-outbox.ts'

/** How long a notice waits after one of the same kind, so that more can join it. */
const NOTICE_PAUSE_SECONDS = 5 * 60

/** How many events a mail stands for, and when the first of them happened. */
type JoinedNotices = { count: number; createdAt: Date }

/**
 * Makes one mail of many notices of the same kind to the same mailbox. A notice takes in all others that no worker has
 * decided to send. It waits if one was sent a short time ago, or while a worker tries to send one; then the attempt does
 * not count. The worker joins them and not the request, so that every request inserts one row and waits for no other.
 * @returns `POSTPONED` if the notice waits, or was taken in by another
 */
export async function joinNotices(
  db: Db,
  { id, attempts, kind, recipient, userId }: MailRow,
): Promise<JoinedNotices | 'POSTPONED'> {
  const isAlike = sql`kind = ${kind} and recipient = ${recipient} and user_id is not distinct from ${userId}::uuid`
  const pause = sql`make_interval(secs => ${NOTICE_PAUSE_SECONDS}::int)`
  // Every worker locks the rows in the same order. Another order could deadlock.
  const [joined] = await db.execute<{ count: number; created_at: string; waits: boolean }>(sql`
    with alike as (
      select id, attempts, token_made as is_decided, next_attempt_at from ${mailOutbox}
      where status = 'PENDING' and ${isAlike} order by id for update
    ), own as (
      select * from alike where id = ${id}::uuid and attempts = ${attempts}
    ), joined as (
      delete from ${mailOutbox} as other using own, alike
      where other.id = alike.id and alike.id <> own.id and not alike.is_decided
      returning other.count, other.created_at, other.expires_at
    ), total as (
      select coalesce(sum(count), 0)::int as count, min(created_at) as created_at, max(expires_at) as expires_at
      from joined
    ), earlier as (
      select max(until) as until from (
        select next_attempt_at + ${pause} as until from ${mailOutbox} where status = 'SENT' and ${isAlike}
        union all
        select greatest(alike.next_attempt_at, now() + interval '1 second') from alike, own
        where alike.is_decided and alike.id <> own.id
      ) as times
    ), turn as (
      select own.id, earlier.until, coalesce(earlier.until > now(), false) and not own.is_decided as waits
      from own, earlier
    )
    update ${mailOutbox} as notice set
      count = notice.count + total.count,
      created_at = least(notice.created_at, total.created_at),
      expires_at = greatest(notice.expires_at, total.expires_at),
      token_made = not turn.waits,
      next_attempt_at = case when turn.waits then turn.until else notice.next_attempt_at end,
      attempts = notice.attempts - turn.waits::int
    from turn, total where notice.id = turn.id
    returning notice.count, notice.created_at, turn.waits`)
  if (!joined || joined.waits) return 'POSTPONED'
  return { count: joined.count, createdAt: new Date(joined.created_at) }
}
