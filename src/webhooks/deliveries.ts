import { sql } from 'drizzle-orm'
import type { Db, Executor } from '../db/client.ts'
import { webhookDeliveries, webhookEvents, webhooks } from '../db/schema.ts'

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
  seconds: number
  now: number
}

export type Result = Pick<Delivery, 'webhookId' | 'eventId' | 'attempts'> & {
  isDelivered: boolean
  result: string
}

/** Longer than a delivery can take, with the writing of its result. */
export const LEASE_SECONDS = 60
/** The longest wait between two attempts. */
export const MAX_RETRY_SECONDS = 3600
const MIN_LAST_RETRY_SECONDS = 10

/** Takes deliveries from the database and writes their results. */
export function createDeliveries(db: Db) {
  /**
   * Leases what is due for a webhook, if it is still enabled. Of each user only the oldest event that is not delivered yet,
   * so that the events of a user arrive in order.
   */
  async function take(webhookId: string, count: number): Promise<LeasedDelivery[]> {
    const rows = (await db.execute(sql`
      with due as (
        select webhook_id, event_id from ${webhookDeliveries} as d
        where webhook_id = ${webhookId}::uuid and status = 'PENDING' and next_attempt_at <= now()
          and not exists (
            select from ${webhookDeliveries} as earlier
            where earlier.webhook_id = d.webhook_id and earlier.user_id = d.user_id and earlier.status = 'PENDING'
              and earlier.event_id < d.event_id)
        order by next_attempt_at, event_id limit ${count}::int
        for update skip locked
      )
      update ${webhookDeliveries} as d set
        attempts = d.attempts + 1, next_attempt_at = now() + make_interval(secs => ${LEASE_SECONDS}::int)
      from due, ${webhookEvents} as e, ${webhooks} as w
      where d.webhook_id = due.webhook_id and d.event_id = due.event_id and e.id = d.event_id
        and w.id = d.webhook_id and w.disabled_at is null
      returning d.webhook_id as "webhookId", d.event_id as "eventId", d.attempts, e.message_id as "messageId", e.type,
        e.user_id as "userId", e.data, w.url, w.secrets, extract(epoch from e.at)::float8 as "seconds",
        extract(epoch from clock_timestamp())::float8 as "now"`)) as unknown as Row[]
    return rows.map(toDelivery)
  }

  /** Writes an event for one webhook alone, leased to the caller, who tries it once. */
  async function begin(executor: Executor, webhookId: string, type: string): Promise<Delivery> {
    const rows = await executor.execute(sql`
      with event as (
        insert into ${webhookEvents} (type, data) values (${type}, '{}') returning *
      ), delivery as (
        insert into ${webhookDeliveries} (webhook_id, event_id, attempts, next_attempt_at, expires_at)
        select ${webhookId}::uuid, id, 1, now() + make_interval(secs => ${LEASE_SECONDS}::int), now() from event
        returning *
      )
      select d.webhook_id as "webhookId", d.event_id as "eventId", d.attempts, e.message_id as "messageId", e.type,
        e.user_id as "userId", e.data, extract(epoch from e.at)::float8 as "seconds",
        extract(epoch from clock_timestamp())::float8 as "now"
      from delivery as d, event as e`)
    return toDelivery((rows as unknown as Row[])[0] as Row)
  }

  /** Writes results that came at the same time. A delivery that another worker has taken since stays its own. */
  async function finish(results: Result[]) {
    const wait = sql`least(
      make_interval(secs => least(2.0 ^ least(r.attempts, 20), ${MAX_RETRY_SECONDS}::int)),
      greatest((d.expires_at - now()) / 2, make_interval(secs => ${MIN_LAST_RETRY_SECONDS}::int)))`
    await db.execute(sql`
      update ${webhookDeliveries} as d set
        last_result = r.result,
        status = case when r.is_delivered then 'DELIVERED' when d.expires_at <= now() then 'FAILED' else 'PENDING' end::delivery_status,
        next_attempt_at = case when r.is_delivered then now() else now() + ${wait} end
      from json_to_recordset(${JSON.stringify(results.map(toRecord))}::json)
        as r (webhook_id uuid, event_id bigint, attempts int, is_delivered boolean, result text)
      where d.webhook_id = r.webhook_id and d.event_id = r.event_id and d.attempts = r.attempts and d.status = 'PENDING'`)
  }

  return { take, begin, finish: joinCalls(finish) }
}

const toDelivery = ({ eventId, seconds, now, ...row }: Row) => ({
  ...row,
  eventId: Number(eventId),
  at: new Date(seconds * 1000),
  leasedAt: new Date(now * 1000),
})

const toRecord = ({ webhookId, eventId, attempts, isDelivered, result }: Result) => ({
  webhook_id: webhookId,
  event_id: eventId,
  attempts,
  is_delivered: isDelivered,
  result,
})

/** Makes one call of those that come while another is running. */
function joinCalls<Item>(act: (items: Item[]) => Promise<void>) {
  let waiting: Item[] = []
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined

  function start() {
    const items = waiting
    waiting = []
    next = undefined
    running = act(items).finally(() => {
      running = undefined
    })
    return running
  }

  return (item: Item): Promise<void> => {
    waiting.push(item)
    if (!running) return start()
    next ??= running.then(start, start)
    return next
  }
}
