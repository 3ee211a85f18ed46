import { sql } from 'drizzle-orm'
import type { Db, Executor } from '../db/client.ts'
import { secondsFromNow } from '../db/moments.ts'
import { retryWait } from '../db/retry-wait.ts'
import { webhookDeliveries, webhookEvents, webhooks } from '../db/schema/webhooks.ts'
import { joinCalls } from './join-calls.ts'

/** An event for one webhook, leased to this process. */
export type Delivery = {
  webhookId: string
  eventId: number
  attempts: number
  messageId: string
  type: string
  userId: string | null
  data: Record<string, unknown>
  at: Date
  /** By the clock of the database, because that of this machine may be wrong. */
  leasedAt: Date
}

/** The same, with the webhook as the table has it at that moment. */
export type LeasedDelivery = Delivery & { url: string; secrets: string | null }

type Row = Omit<LeasedDelivery, 'eventId' | 'at' | 'leasedAt'> & {
  eventId: string
  at: string
  now: number
}

type LeasedRow = Row & { seen: number }
/** One row without a delivery, if nothing was leased. */
type Seen = LeasedRow | { eventId: null; seen: number }

export type Result = Pick<Delivery, 'webhookId' | 'eventId' | 'attempts'> & {
  isDelivered: boolean
  result: string
}

/** Longer than a delivery can take, with the writing of its result. */
export const LEASE_SECONDS = 60
/** The longest wait between two attempts. */
export const MAX_RETRY_SECONDS = 3600
/** How many due events are looked at, before those that wait for an earlier one of their user are postponed. */
const MIN_SEEN = 32
const SEEN_PER_LEASE = 4
const MAX_POSTPONED = 1000
const MAX_ROUNDS = 20

/** Takes deliveries from the database and writes their results. */
export function createDeliveries(db: Db) {
  /**
   * Leases what is due for a webhook, if it is still enabled. Of each user only the oldest event that is not delivered yet,
   * so that the events of a user arrive in order.
   */
  async function take(webhookId: string, count: number): Promise<LeasedDelivery[]> {
    const taken: LeasedDelivery[] = []
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const wanted = count - taken.length
      const { leased, isClogged } = await lease(webhookId, wanted)
      taken.push(...leased)
      // Then most of what is due waits for an earlier event of its user, and hides the events of other users.
      if (!isClogged || (await postpone(webhookId).catch(() => 0)) === 0) break
    }
    return taken
  }

  async function lease(webhookId: string, count: number) {
    const maxSeen = MIN_SEEN + SEEN_PER_LEASE * count
    const rows = (await db.execute(sql`
      with seen as (
        select event_id, user_id, next_attempt_at from ${webhookDeliveries}
        where webhook_id = ${webhookId}::uuid and is_pending and next_attempt_at <= now()
        order by next_attempt_at, event_id limit ${maxSeen}::int
      ), due as (
        -- A subquery that locks rows is looked up by key, once for each event. A join would be planned by statistics.
        select seen.event_id from seen cross join lateral (
          select from ${webhookDeliveries}
          where webhook_id = ${webhookId}::uuid and event_id = seen.event_id
            and status = 'PENDING' and next_attempt_at = seen.next_attempt_at
          for update skip locked
        ) as held
        where seen.user_id is null or seen.event_id = (
          select event_id from ${webhookDeliveries}
          where webhook_id = ${webhookId}::uuid and user_id = seen.user_id and is_pending
          order by event_id limit 1)
        limit ${count}::int
      ), leased as (
        update ${webhookDeliveries} as d set
          attempts = d.attempts + 1, next_attempt_at = ${secondsFromNow(LEASE_SECONDS)}
        from due, ${webhookEvents} as e, ${webhooks} as w
        where d.webhook_id = ${webhookId}::uuid and d.event_id = due.event_id and e.id = d.event_id
          and w.id = d.webhook_id and w.disabled_at is null
        returning d.webhook_id as "webhookId", d.event_id as "eventId", d.attempts, e.message_id as "messageId", e.type,
          e.user_id as "userId", e.data, w.url, w.secrets, e.at,
          extract(epoch from clock_timestamp())::float8 as "now"
      )
      select leased.*, all_seen.count as "seen" from (select count(*)::int from seen) as all_seen
      left join leased on true`)) as unknown as Seen[]
    const leased = rows
      .filter((row): row is LeasedRow => row.eventId !== null)
      .map(({ seen: _, ...row }) => toDelivery(row))
    return { leased, isClogged: leased.length < count && rows[0]?.seen === maxSeen }
  }

  /** Makes events wait that are due behind an earlier one of their user. `finish` makes the next one due again. */
  async function postpone(webhookId: string) {
    const { count } = await db.execute(sql`
      update ${webhookDeliveries} as d set
        next_attempt_at = greatest(${secondsFromNow(LEASE_SECONDS)}, first.next_attempt_at)
      from (
        select event_id, user_id from ${webhookDeliveries}
        where webhook_id = ${webhookId}::uuid and is_pending and next_attempt_at <= now()
        order by next_attempt_at, event_id limit ${MAX_POSTPONED}::int
        for update skip locked
      ) as seen cross join lateral (
        select event_id, next_attempt_at from ${webhookDeliveries}
        where webhook_id = ${webhookId}::uuid and user_id = seen.user_id and is_pending
        order by event_id limit 1
      ) as first
      where d.webhook_id = ${webhookId}::uuid and d.event_id = seen.event_id and first.event_id < d.event_id`)
    return count
  }

  /** Writes an event for one webhook alone, leased to the caller, who tries it once. */
  async function begin(executor: Executor, webhookId: string, type: string): Promise<Delivery> {
    const rows = await executor.execute(sql`
      with event as (
        insert into ${webhookEvents} (type, data) values (${type}, '{}') returning *
      ), delivery as (
        insert into ${webhookDeliveries} (webhook_id, event_id, attempts, next_attempt_at, expires_at)
        select ${webhookId}::uuid, id, 1, ${secondsFromNow(LEASE_SECONDS)}, now() from event
        returning *
      )
      select d.webhook_id as "webhookId", d.event_id as "eventId", d.attempts, e.message_id as "messageId", e.type,
        e.user_id as "userId", e.data, e.at,
        extract(epoch from clock_timestamp())::float8 as "now"
      from delivery as d, event as e`)
    return toDelivery((rows as unknown as Row[])[0] as Row)
  }

  /**
   * Writes results that came at the same time. A delivery that another worker has taken since stays its own. When an event
   * is over, the next one of its user is due.
   */
  async function finish(results: Result[]) {
    const wait = retryWait({ attempts: sql`r.attempts`, expiresAt: sql`d.expires_at` }, MAX_RETRY_SECONDS)
    await db.execute(sql`
      with held as (
        select r.* from (
          -- The limit tells PostgreSQL how few they are; else it expects a hundred, and reads the whole table for them.
          select * from json_to_recordset(${JSON.stringify(results.map(toRecord))}::json)
            as r (webhook_id uuid, event_id bigint, attempts int, is_delivered boolean, result text)
          limit ${results.length}::int
        ) as r cross join lateral (
          select from ${webhookDeliveries}
          where webhook_id = r.webhook_id and event_id = r.event_id and attempts = r.attempts and status = 'PENDING'
          for update
        ) as locked
      ), finished as (
        update ${webhookDeliveries} as d set
          last_result = r.result,
          status = case when r.is_delivered then 'DELIVERED' when d.expires_at <= now() then 'FAILED' else 'PENDING' end::delivery_status,
          next_attempt_at = case when r.is_delivered then now() else now() + ${wait} end
        from held as r where d.webhook_id = r.webhook_id and d.event_id = r.event_id
        returning d.webhook_id, d.event_id, d.user_id, d.status
      )
      update ${webhookDeliveries} as d set next_attempt_at = now()
      from finished cross join lateral (
        select * from ${webhookDeliveries}
        where webhook_id = finished.webhook_id and user_id = finished.user_id and is_pending
          and event_id > finished.event_id
        order by event_id limit 1
      ) as following
      where finished.status <> 'PENDING' and following.attempts = 0 and following.next_attempt_at > now()
        and d.webhook_id = following.webhook_id and d.event_id = following.event_id
        and d.attempts = following.attempts and d.next_attempt_at = following.next_attempt_at`)
  }

  return { take, begin, finish: joinCalls(finish) }
}

const toDelivery = ({ eventId, at, now, ...row }: Row) => ({
  ...row,
  eventId: Number(eventId),
  at: new Date(at),
  leasedAt: new Date(now * 1000),
})

const toRecord = ({ webhookId, eventId, attempts, isDelivered, result }: Result) => ({
  webhook_id: webhookId,
  event_id: eventId,
  attempts,
  is_delivered: isDelivered,
  result,
})
