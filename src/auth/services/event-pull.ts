import { sql } from 'drizzle-orm'
import type { WebhookEvents } from '../../contract/outputs/webhook-events.ts'
import { TEST_TYPE } from '../../contract/webhook-types.ts'
import type { Db } from '../../db/client.ts'
import { daysAgo } from '../../db/moments.ts'
import { webhookEvents } from '../../db/schema/webhooks.ts'
import { invalid } from '../../errors.ts'
import { toMessageId } from '../../webhooks/message-id.ts'
import { KEPT_DAYS } from '../old-rows.ts'

type Row = {
  xid: string | null
  id: string
  message_id: string
  type: string
  user_id: string | null
  data: Record<string, unknown>
  at: string
  is_unknown: boolean
}

const MAX_ADOPTED = 5000

/** Before every event. */
const START = '0.0'

/**
 * Reads the events of webhooks page by page. A page has only events of transactions that are older than every running one,
 * in the order of transactions. So no event can appear later before a cursor that a reader has.
 */
export function createEventPull({ db }: { db: Db }) {
  return async function pullEvents({
    after = START,
    first,
  }: {
    after?: string | undefined
    first: number
  }): Promise<WebhookEvents> {
    const [, xid, id] = /^(\d{1,18})\.(\d{1,18})$/.exec(after) ?? []
    if (!xid || !id) throw unknownCursor()
    const cursor = sql`(${xid}::bigint, ${id}::bigint)`
    // Housekeeping deletes events by age, which is nearly their order. While the event before the cursor is young, that of
    // the cursor has not been deleted: if it is missing, it was lost.
    const isLost = sql`(
      select at from ${webhookEvents} where (xid, id) < ${cursor} order by xid desc, id desc limit 1
    ) > ${daysAgo(KEPT_DAYS.webhookEvent - 1)} and not exists (select from ${webhookEvents} where (xid, id) = ${cursor})`
    const rows = (await db.execute(sql`
      select e.xid, e.id, e.message_id, e.type, e.user_id, e.data, e.at,
        ${xid}::bigint >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
          or coalesce(${isLost}, false) as is_unknown
      from (select) as one left join lateral (
        select * from ${webhookEvents}
        where (xid, id) > ${cursor} and type <> ${TEST_TYPE}
          and xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
        order by xid, id limit ${first}::int
      ) as e on true
      order by e.xid, e.id`)) as unknown as Row[]
    // Of another database: the one before a restore, or a former primary whose last events are lost.
    if (rows[0]?.is_unknown) throw unknownCursor()
    const found = rows.filter(({ xid }) => xid !== null)
    const last = found.at(-1)
    return {
      events: found.map(({ message_id, type, user_id, data, at }) => ({
        id: toMessageId(message_id),
        type,
        timestamp: new Date(at),
        data: { userId: user_id, ...data },
      })),
      next: last ? `${last.xid}.${last.id}` : after,
    }
  }
}

/**
 * Makes events of a restored backup the newest ones. Each cluster of PostgreSQL counts transactions on its own, so those of
 * one that had counted further would be hidden until this one is as far. Readers may get them twice.
 */
export async function adoptRestoredEvents({ db }: { db: Db }) {
  // In their order, and in parts: a statement for all would take longer than the database may.
  for (let count = MAX_ADOPTED; count === MAX_ADOPTED; ) {
    ;({ count } = await db.execute(sql`
      update ${webhookEvents} set xid = default where id in (
        select id from ${webhookEvents} where xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        order by xid, id limit ${MAX_ADOPTED}::int)`))
  }
}

const unknownCursor = () => invalid('after', 'Is not a cursor of this server.')
