import { type SQL, sql } from 'drizzle-orm'
import type { Act } from '../../contract/administrator.ts'
import { MAX_REPLAYED } from '../../contract/operations/webhooks.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { ReplayedDeliveries } from '../../contract/outputs/administration/webhook.ts'
import { webhookDeliveries, webhookEvents } from '../../db/schema/webhooks.ts'
import { AuthError, invalid } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordAdministration } from '../events/administration-events.ts'
import { KEPT_DAYS } from '../old-rows.ts'
import { describeWebhook, findWebhook } from './managed-webhooks.ts'
import { isEventId, parseDeliveryId } from './shown-deliveries.ts'

type Input = InputOf<'replayDeliveries'>

/** Events get their ids and their times at almost the same moment. */
const MARGIN = sql`interval '1 minute'`

/**
 * Delivers events again that were delivered or given up, oldest first. One that is named may also wait for its next attempt.
 * Workers keep the order of each user.
 */
export function createDeliveryReplay({ db }: Pick<Dependencies, 'db'>) {
  return async function replayDeliveries(input: Input, act: Act): Promise<ReplayedDeliveries> {
    const { webhookId } = input
    return db.transaction(async (tx) => {
      const { url } = await findWebhook(tx, webhookId)
      await act.administrator.assertCurrent(tx)
      const unlessPending = input.delivery ? sql`` : sql`and d.status <> 'PENDING'`
      const [row] = await tx.execute<{ count: number; last: string | null; hasMore: boolean }>(sql`
        with chosen as (${chooseDeliveries(input)}),
        replayed as (
          update ${webhookDeliveries} as d set status = 'PENDING', next_attempt_at = now(),
            -- An attempt that runs must not take the next one for itself.
            attempts = case when d.status = 'PENDING' then d.attempts else 0 end,
            expires_at = least(now() + interval '72 hours',
              (select at from ${webhookEvents} where id = d.event_id) + make_interval(days => ${KEPT_DAYS.webhookEvent}::int))
          from (select * from chosen order by event_id limit ${MAX_REPLAYED}::int) as c
          where d.event_id = c.event_id and d.webhook_id = ${webhookId}::uuid ${unlessPending}
          returning d.event_id
        )
        select (select count(*)::int from replayed) as count, (select max(event_id)::text from replayed) as last,
          (select count(*) > ${MAX_REPLAYED}::int from chosen) as "hasMore"`)
      const { count = 0, last = null, hasMore = false } = row ?? {}
      if (input.delivery && count === 0) throw new AuthError('NOT_FOUND')
      const detail = `${describeWebhook(webhookId, url)}: ${count}`
      await recordAdministration(tx, 'deliveries_replayed', { detail }, act)
      return { count, next: hasMore ? last : null }
    })
  }
}

/** The ids of the events, one more than a call takes. */
function chooseDeliveries({ webhookId, delivery, since, until, after }: Input) {
  if (delivery) return chooseOne(webhookId, delivery)
  const isSpan = since != null || until != null
  const states = isSpan ? sql`('DELIVERED'::delivery_status), ('FAILED')` : sql`('FAILED'::delivery_status)`
  const conditions: SQL[] = []
  if (after != null) conditions.push(sql`d.event_id > ${toEventId(after)}::bigint`)
  if (since != null) {
    conditions.push(sql`e.at >= ${since}::timestamptz and d.event_id >= coalesce((
      select id from ${webhookEvents} where at >= ${since}::timestamptz - ${MARGIN} order by at limit 1), 0)`)
  }
  if (until != null) {
    conditions.push(sql`e.at < ${until}::timestamptz and d.event_id <= coalesce((
      select id from ${webhookEvents} where at < ${until}::timestamptz + ${MARGIN} order by at desc limit 1), 0)`)
  }
  return sql`
    select found.event_id from (values ${states}) as one(status) cross join lateral (
      select d.event_id from ${webhookDeliveries} as d ${isSpan ? sql`join ${webhookEvents} as e on e.id = d.event_id` : sql``}
      where d.webhook_id = ${webhookId}::uuid and d.status = one.status
        ${sql.join(conditions.map((condition) => sql` and ${condition}`))}
      order by d.event_id limit ${MAX_REPLAYED + 1}::int
    ) as found
    order by found.event_id limit ${MAX_REPLAYED + 1}::int`
}

function chooseOne(webhookId: string, delivery: string) {
  const of = parseDeliveryId(delivery)
  if (of?.webhookId !== webhookId) throw new AuthError('NOT_FOUND')
  return sql`select ${of.eventId}::bigint as event_id`
}

function toEventId(after: string) {
  if (isEventId(after)) return after
  throw invalid('after', 'Must be the next of a call before.')
}
