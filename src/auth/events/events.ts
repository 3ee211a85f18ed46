import { desc, eq, sql } from 'drizzle-orm'
import { type Caller, type Client, viewerOf } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { Event } from '../../contract/outputs/event.ts'
import type { Db, Executor } from '../../db/client.ts'
import { events } from '../../db/schema.ts'

/** What the event log records. */
export type EventKind =
  | 'register'
  | 'register_taken'
  | 'login'
  | 'login_failed'
  | 'reauthentication_failed'
  | 'logout'
  | 'refresh'
  | 'refresh_reused'
  | 'password_changed'
  | 'password_reset_requested'
  | 'password_reset'
  | 'email_verified'
  | 'email_change_requested'
  | 'email_changed'
  | 'email_change_undone'
  | 'sessions_revoked'
  | 'account_deleted'
  | 'account_disabled'
  | 'account_enabled'
  | 'account_signed_out'
  | 'account_imported'
  | 'origin_refused'
  | 'throttled'
  | 'mail_failed'

/** The column values of an event. `userId` may be a subquery. */
export function toEventColumns<UserId>(
  kind: EventKind,
  userId: UserId,
  { requestId, ipAddress, userAgent }: Client,
) {
  return { kind, userId, requestId, ipAddress, userAgent }
}

/** Records an event. Pass the transaction of the change, so that neither is stored without the other. */
export async function recordEvent(
  executor: Executor,
  kind: EventKind,
  userId: string | null,
  client: Client,
) {
  await executor.insert(events).values(toEventColumns(kind, userId, client))
}

/** Records an event for the account with this address, if any. The work is the same with and without an account. */
export async function recordEventByEmail(executor: Executor, kind: EventKind, email: string, client: Client) {
  const userId = sql`(select id from users where email = ${email})`
  await executor.insert(events).values(toEventColumns(kind, userId as never, client))
}

/** Reads the signed-in user's own events, newest first. */
export function createEventLog({ db }: { db: Db }) {
  return async function listEvents({ first }: InputOf<'events'>, caller: Caller): Promise<Event[]> {
    const { user } = await viewerOf(caller)
    const { id, kind, createdAt, ipAddress, userAgent } = events
    return db
      .select({ id, kind, createdAt, ipAddress, userAgent })
      .from(events)
      .where(eq(events.userId, user.id))
      .orderBy(desc(events.createdAt), desc(events.id))
      .limit(first)
  }
}
