import { desc, eq, sql } from 'drizzle-orm'
import { type Caller, type Client, viewerOf } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { Event } from '../../contract/outputs/event.ts'
import type { Db, Executor } from '../../db/client.ts'
import { events, users } from '../../db/schema.ts'
import { digest } from '../keys/sealed-tokens.ts'
import { toNetwork } from '../throttle/places.ts'

/** What the event log records. */
export type EventKind =
  | 'register'
  | 'register_taken'
  | 'login'
  | 'login_failed'
  | 'login_new_place'
  | 'reauthentication_failed'
  | 'logout'
  | 'refresh'
  | 'refresh_predecessor'
  | 'refresh_new_place'
  | 'refresh_reused'
  | 'password_changed'
  | 'password_reset_requested'
  | 'password_reset'
  | 'email_verified'
  | 'email_change_requested'
  | 'email_changed'
  | 'email_change_cancelled'
  | 'email_change_undone'
  | 'sign_in_reported'
  | 'sessions_revoked'
  | 'account_deleted'
  | 'account_disabled'
  | 'account_enabled'
  | 'account_signed_out'
  | 'account_imported'
  | 'origin_refused'
  | 'throttled'
  | 'mail_failed'

/** Kinds that any client can cause without a credential of the account. */
const UNPROVEN_KINDS: ReadonlySet<EventKind> = new Set([
  'login_failed',
  'password_reset_requested',
  'register_taken',
  'origin_refused',
  'throttled',
])

/**
 * What tells repetitions apart. A kind that any client can cause takes one row a day of an account, so that a stranger
 * cannot bury the others. A kind that needs a credential takes one for each network and browser.
 */
export function toEventOrigin(kind: EventKind, userId: unknown, client: Client) {
  const network = toNetwork(client.ipAddress)
  if (!UNPROVEN_KINDS.has(kind)) return digest(`${network} ${client.userAgent}`).slice(0, 22)
  return sql<string>`case when ${userId}::uuid is null then ${network} else '' end`
}

/** The column values of an event. `userId` may be a subquery. */
export function toEventColumns<UserId>(kind: EventKind, userId: UserId, client: Client) {
  const { requestId, ipAddress, userAgent } = client
  return { kind, userId, origin: toEventOrigin(kind, userId, client), requestId, ipAddress, userAgent }
}

/** What a repetition of an event changes, for statements in plain SQL. */
export const onRepetition = sql`on conflict (user_id, kind, origin, day) do update set
  count = ${events.count} + 1, last_at = now(), request_id = excluded.request_id,
  ip_address = excluded.ip_address, user_agent = excluded.user_agent`

/** Records an event. Pass the transaction of the change, so that neither is stored without the other. */
export async function recordEvent(
  executor: Executor,
  kind: EventKind,
  userId: string | null,
  client: Client,
) {
  const { origin, requestId, ipAddress, userAgent } = toEventColumns(kind, userId, client)
  await executor.execute(sql`
    insert into ${events} (kind, user_id, origin, request_id, ip_address, user_agent)
    values (${kind}, ${userId}::uuid, ${origin}, ${requestId}, ${ipAddress}, ${userAgent})
    ${onRepetition}`)
}

/** Records an event for the account with this address, if any. The work is the same with and without an account. */
export async function recordEventByEmail(executor: Executor, kind: EventKind, email: string, client: Client) {
  const { requestId, ipAddress, userAgent } = client
  const account = sql`select id as user_id from ${users} where email = ${email}`
  await executor.execute(sql`
    insert into ${events} (kind, user_id, origin, request_id, ip_address, user_agent)
    select ${kind}, user_id, ${toEventOrigin(kind, sql`user_id`, client)}, ${requestId}, ${ipAddress}, ${userAgent}
    from (values (1)) as one left join (${account}) as account on true
    ${onRepetition}`)
}

/** Reads the signed-in user's own events, newest first. */
export function createEventLog({ db }: { db: Db }) {
  return async function listEvents({ first }: InputOf<'events'>, caller: Caller): Promise<Event[]> {
    const { user } = await viewerOf(caller)
    const { id, kind, count, createdAt, lastAt, ipAddress, userAgent } = events
    return db
      .select({ id, kind, count, createdAt, lastAt, ipAddress, userAgent })
      .from(events)
      .where(eq(events.userId, user.id))
      .orderBy(desc(events.lastAt), desc(events.id))
      .limit(first)
  }
}
