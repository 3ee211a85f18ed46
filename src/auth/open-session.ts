import { and, desc, eq, gt, inArray, sql } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'
import { events, type SessionRow, sessions } from '../db/schema.ts'
import type { Client } from './caller.ts'
import { eventOf } from './events.ts'
import type { SessionTransport } from './inputs.ts'
import { digest } from './refresh-tokens.ts'

/** How many live sessions a user has at most; the oldest ends. */
const MOST_SESSIONS = 100

type NewSession = {
  id: string
  userId: string
  token: string
  lineage: string
  transport: SessionTransport
  client: Client
  /** The session that the caller had before, which ends. */
  formerId: string | undefined
  event?: 'login'
}

/**
 * Makes a session with all that goes with it, in one statement: whole or not at all, and no more
 * round trips than the row alone would take.
 */
export async function openSession(
  executor: Executor,
  { client, formerId, event, token, ...values }: NewSession,
  seconds: { idle: number; max: number },
): Promise<SessionRow> {
  const { ipAddress, userAgent } = client
  const expiresAt = sql`now() + make_interval(secs => ${Math.min(seconds.idle, seconds.max)}::int)`
  const made = executor.$with('made').as(
    executor
      .insert(sessions)
      .values({ ...values, token: digest(token), ipAddress, userAgent, expiresAt })
      .returning(),
  )
  const surplus = executor
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.userId, values.userId), gt(sessions.expiresAt, sql`now()`)))
    .orderBy(desc(sessions.createdAt), desc(sessions.id))
    .offset(MOST_SESSIONS - 1)
  const ended = executor.$with('ended').as(
    executor
      .delete(sessions)
      .where(
        formerId
          ? sql`${sessions.id} = ${formerId} or ${inArray(sessions.id, surplus)}`
          : inArray(sessions.id, surplus),
      )
      .returning({ endedId: sessions.id }),
  )
  const noted = executor.$with('noted').as(
    executor
      .insert(events)
      .values(eventOf(event ?? 'login', values.userId, client))
      .returning({ eventId: events.id }),
  )
  const [row] = await executor
    .with(...(event ? [made, ended, noted] : [made, ended]))
    .select()
    .from(made)
  if (!row) throw new TypeError('An insert returned no row')
  return row
}
