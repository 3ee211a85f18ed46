import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { WebhookDelivery } from '../../contract/outputs/administration/webhook.ts'
import type { Executor } from '../../db/client.ts'
import { webhookDeliveries, webhookEvents } from '../../db/schema/webhooks.ts'
import { AuthError } from '../../errors.ts'
import { toMessageId } from '../../webhooks/message-id.ts'

/** What administrators see of deliveries. A delivery has no id of its own: those of its event and its webhook name it. */

export type DeliveryRow = Omit<
  WebhookDelivery,
  'id' | 'messageId' | 'createdAt' | 'nextAttemptAt' | 'expiresAt'
> & {
  eventId: string
  messageId: string
  created: string
  next: string
  expires: string
}

/** Of a statement that has the delivery as `d` and its event as `e`. */
export const DELIVERY_COLUMNS = sql`d.event_id as "eventId", d.webhook_id as "webhookId", e.message_id as "messageId", e.type,
  d.user_id as "userId", d.status, d.attempts, d.last_result as "lastResult",
  d.created_at as created, d.next_attempt_at as next, d.expires_at as expires`

export function toDelivery({
  eventId,
  webhookId,
  messageId,
  created,
  next,
  expires,
  ...row
}: DeliveryRow): WebhookDelivery {
  return {
    ...row,
    id: `${eventId}.${webhookId}`,
    webhookId,
    messageId: toMessageId(messageId),
    createdAt: new Date(created),
    nextAttemptAt: new Date(next),
    expiresAt: new Date(expires),
  }
}

/** Whether a text can be the id of a stored event, which is a `bigint`. */
export const isEventId = (text: string) => /^\d{1,18}$/.test(text)

/** What a delivery's id says; undefined if the text is no such id. */
export function parseDeliveryId(text: string) {
  const [, eventId = '', webhookId = ''] = /^(\d+)\.([\da-f-]{36})$/.exec(text) ?? []
  return isEventId(eventId) && z.uuid().safeParse(webhookId).success ? { eventId, webhookId } : undefined
}

export async function readDelivery(executor: Executor, of: { eventId: number; webhookId: string }) {
  const rows = await executor.execute(sql`
    select ${DELIVERY_COLUMNS} from ${webhookDeliveries} as d join ${webhookEvents} as e on e.id = d.event_id
    where d.event_id = ${of.eventId}::bigint and d.webhook_id = ${of.webhookId}::uuid`)
  const [row] = rows as unknown as DeliveryRow[]
  if (!row) throw new AuthError('NOT_FOUND')
  return toDelivery(row)
}
