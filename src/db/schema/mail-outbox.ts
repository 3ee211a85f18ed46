import { sql } from 'drizzle-orm'
import { boolean, index, integer, pgEnum, pgTable, uuid, varchar } from 'drizzle-orm/pg-core'
import { createdAt, time } from './columns.ts'

/** `SENT`: the mail server accepted it. `SKIPPED`: it was no longer wanted when the worker took it. */
export const mailStatus = pgEnum('mail_status', ['PENDING', 'SENT', 'FAILED', 'SKIPPED'])

/**
 * Promised mails, written in the transaction that causes them. The table holds no token: the worker derives it from
 * the id of the row when it sends the mail.
 */
export const mailOutbox = pgTable(
  'mail_outbox',
  {
    id: uuid().primaryKey().defaultRandom(),
    kind: varchar({ length: 40 }).notNull(),
    recipient: varchar({ length: 255 }).notNull(),
    userId: uuid('user_id'),
    sessionId: uuid('session_id'),
    status: mailStatus().notNull().default('PENDING'),
    attempts: integer().notNull().default(0),
    /** How many notices of this kind were joined into this mail. */
    count: integer().notNull().default(1),
    /** The places from which the request came. Only the worker may look up whether they are known to the account. */
    network: varchar({ length: 64 }),
    device: varchar({ length: 64 }),
    /** The language of the request. An account with a proven mailbox has its own, which counts more. */
    locale: varchar({ length: 35 }),
    /** Whether a worker has decided to send the mail. Then its token is in `verification`, or was there. */
    tokenMade: boolean('token_made').notNull().default(false),
    /** When the mail is due. While a worker sends it: when the lease ends. After that: when it was sent. */
    nextAttemptAt: time('next_attempt_at').notNull().defaultNow(),
    expiresAt: time('expires_at').notNull(),
    /** Why the last attempt failed, without what may be secret. */
    fault: varchar({ length: 200 }),
    createdAt: createdAt(),
  },
  (table) => [
    index('mail_outbox_due_index').on(table.nextAttemptAt).where(sql`${table.status} = 'PENDING'`),
    index('mail_outbox_user_id_index').on(table.userId),
    index('mail_outbox_recipient_index').on(table.recipient),
    index('mail_outbox_created_at_index').on(table.createdAt),
  ],
)

export type MailRow = typeof mailOutbox.$inferSelect
