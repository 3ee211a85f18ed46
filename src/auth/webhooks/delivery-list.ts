import { sql } from 'drizzle-orm'
import type { InputOf } from '../../contract/operations.ts'
import {
  DeliveryStatus,
  type WebhookDeliveryConnection,
} from '../../contract/outputs/administration/webhook.ts'
import { MAX_COUNT } from '../../contract/outputs/page.ts'
import { webhookDeliveries, webhookEvents, webhooks } from '../../db/schema/webhooks.ts'
import { fromCursor, notOfThisList, type Position, toCursor, toPage } from '../administration/pages.ts'
import type { Dependencies } from '../dependencies.ts'
import { DELIVERY_COLUMNS, type DeliveryRow, isEventId, toDelivery } from './shown-deliveries.ts'

type Request = InputOf<'webhookDeliveries'>

const PART = 'delivery'

/** The webhooks and states that a filter names: there are few, and the index of deliveries begins with both. */
const wanted = ({ webhookId, status }: NonNullable<Request['filter']>) => sql`
  ${webhooks} as w cross join unnest(array[${sql.raw(
    (status ? [status] : DeliveryStatus.options).map((one) => `'${one}'`).join(', '),
  )}]::delivery_status[]) as one(status)
  where w.url is not null ${webhookId ? sql`and w.id = ${webhookId}::uuid` : sql``}`

function deliveryStatement({ first, filter = {} }: Pick<Request, 'first' | 'filter'>, after?: Position) {
  const older = after
    ? sql`and event_id <= ${after.key}::bigint and (event_id, webhook_id) < (${after.key}::bigint, ${after.id}::uuid)`
    : sql``
  return sql`
    with chosen as (
      select w.id, one.status from ${wanted(filter)}
    )
    select ${DELIVERY_COLUMNS} from chosen
      cross join lateral (
        select * from ${webhookDeliveries} where webhook_id = chosen.id and status = chosen.status ${older}
        order by event_id desc limit ${first + 1}::int
      ) as d
      join ${webhookEvents} as e on e.id = d.event_id
    order by d.event_id desc, d.webhook_id desc limit ${first + 1}::int`
}

/** Lists the deliveries of all webhooks, newest first. Each state of each webhook is read by the index. */
export function createDeliveryList({ db }: Pick<Dependencies, 'db'>) {
  async function countAll(filter: Request['filter']) {
    const rows = await db.execute<{ total: number }>(sql`
      with chosen as (select w.id, one.status from ${wanted(filter ?? {})})
      select count(*)::int as total from (
        select from chosen cross join lateral (
          select from ${webhookDeliveries} where webhook_id = chosen.id and status = chosen.status
          order by event_id limit ${MAX_COUNT}) as d
        limit ${MAX_COUNT}) as counted`)
    return rows[0]?.total ?? null
  }

  return async function webhookDeliveriesOf(request: Request): Promise<WebhookDeliveryConnection> {
    const position = fromCursor(request.after, [PART])
    if (position && !isEventId(position.key)) throw notOfThisList()
    const [rows, totalCount] = await Promise.all([
      db.execute(deliveryStatement(request, position)),
      request.count ? countAll(request.filter) : null,
    ])
    const edges = (rows as unknown as DeliveryRow[]).map((row) => ({
      cursor: toCursor({ part: PART, key: row.eventId, id: row.webhookId }),
      node: toDelivery(row),
    }))
    return { ...toPage(edges, request.first), totalCount }
  }
}
