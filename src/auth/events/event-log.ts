import { and, desc, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { type Caller, viewerOf } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { Event } from '../../contract/outputs/event.ts'
import type { Db } from '../../db/client.ts'
import { events } from '../../db/schema.ts'
import { invalid } from '../../errors.ts'

/** Reads the signed-in user's own events, newest first. */
export function createEventLog({ db }: { db: Db }) {
  return async function listEvents({ first, after }: InputOf<'events'>, caller: Caller): Promise<Event[]> {
    const { user } = await viewerOf(caller)
    if (after !== undefined && !EventId.safeParse(after).success) throw unknownEvent()
    const { id, kind, count, createdAt, lastAt, ipAddress, userAgent } = events
    const rows = await db
      .select({ id, kind, count, createdAt, lastAt, ipAddress, userAgent })
      .from(events)
      .where(and(eq(events.userId, user.id), after ? isOlderThan(after, user.id) : undefined))
      .orderBy(desc(events.lastAt), desc(events.id))
      .limit(first)
    if (after !== undefined && rows.length === 0 && !(await exists(after, user.id))) throw unknownEvent()
    return rows
  }

  /** By where that event is now: if it has repeated since, the page shows events again, but it leaves none out. */
  function isOlderThan(id: string, userId: string) {
    const last = sql`select last_at, id from ${events} where id = ${id}::uuid and user_id = ${userId}::uuid`
    return sql`(${events.lastAt}, ${events.id}) < (${last})`
  }

  async function exists(id: string, userId: string) {
    const isOwn = and(eq(events.id, id), eq(events.userId, userId))
    return (await db.select({ id: events.id }).from(events).where(isOwn)).length > 0
  }
}

const EventId = z.uuid()

const unknownEvent = () => invalid('after', 'Is not an event of this account.')
