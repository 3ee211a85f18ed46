import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core'
import { createdAt, time } from './columns.ts'

/** Where events are sent. Without a URL: events are kept for those who read them. */
export const webhooks = pgTable('webhooks', {
  id: uuid().primaryKey(),
  url: text(),
  /** The types of events that it gets; null for all. */
  types: text().array(),
  /** Encrypted, the newest first. Null if the settings have them. */
  secrets: text(),
  disabledAt: time('disabled_at'),
  /** Why the server disabled it by itself: the answer of the receiver. */
  fault: varchar({ length: 60 }),
  createdAt: createdAt(),
})

export type WebhookRow = typeof webhooks.$inferSelect

/**
 * What happened to users, sessions and factors, for other systems. Triggers write it in the transaction of the change, so
 * that plain SQL counts too, and only while there is a webhook.
 */
export const webhookEvents = pgTable(
  'webhook_events',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** The id that receivers see. */
    messageId: uuid('message_id').notNull().defaultRandom(),
    type: varchar({ length: 40 }).notNull(),
    userId: uuid('user_id'),
    /** Ids and names of fields. No values. */
    data: jsonb().notNull().$type<Record<string, unknown>>(),
    /** The transaction that wrote it. Readers continue from the oldest transaction that was still running. */
    xid: bigint({ mode: 'bigint' }).notNull().default(sql`pg_current_xact_id()::text::bigint`),
    at: time('at').notNull().default(sql`clock_timestamp()`),
  },
  (table) => [
    index('webhook_events_xid_index').on(table.xid, table.id),
    index('webhook_events_user_id_index').on(table.userId),
    index('webhook_events_at_index').on(table.at),
  ],
)

export const deliveryStatus = pgEnum('delivery_status', ['PENDING', 'DELIVERED', 'FAILED'])

/**
 * An event on its way to a webhook, as `mail_outbox` is for mails. No foreign key to the webhook: its check would lock the
 * same row in every transaction. The deliveries of a deleted webhook end with their events.
 */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    webhookId: uuid('webhook_id').notNull(),
    eventId: bigint('event_id', { mode: 'number' })
      .notNull()
      .references(() => webhookEvents.id, { onDelete: 'cascade' }),
    /** The events of one user are delivered one after the other. */
    userId: uuid('user_id'),
    status: deliveryStatus().notNull().default('PENDING'),
    /**
     * By this, the statements of the queue find the rows that wait. It has no statistics, so PostgreSQL always expects many.
     * Statistics from before a burst say that none wait. Then PostgreSQL would read all of them again for each row.
     */
    isPending: boolean('is_pending').notNull().generatedAlwaysAs(sql`status = 'PENDING'`),
    attempts: integer().notNull().default(0),
    /** When it is due. While a worker delivers it: when the lease ends. After that: when it was delivered. */
    nextAttemptAt: time('next_attempt_at').notNull().defaultNow(),
    /** Of the last attempt: the status of the answer, or why there was none. */
    lastResult: varchar('last_result', { length: 60 }),
    expiresAt: time('expires_at').notNull().default(sql`now() + interval '72 hours'`),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.eventId, table.webhookId] }),
    index('webhook_deliveries_due_index')
      .on(table.webhookId, table.nextAttemptAt, table.eventId)
      .where(sql`${table.isPending}`),
    index('webhook_deliveries_user_index')
      .on(table.webhookId, table.userId, table.eventId)
      .where(sql`${table.isPending}`),
    index('webhook_deliveries_status_index').on(table.webhookId, table.status, table.eventId),
  ],
)
