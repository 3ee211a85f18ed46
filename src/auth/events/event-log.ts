import { and, type Column, desc, eq, type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { type Caller, viewerOf } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { Event } from '../../contract/outputs/event.ts'
import type { Db } from '../../db/client.ts'
import { events } from '../../db/schema/events.ts'
import { param } from '../../db/statements/parameters.ts'
import { pick } from '../../db/statements/pick.ts'
import { prepareRows } from '../../db/statements/row-reader.ts'
import { invalid } from '../../errors.ts'

const EVENT_FIELDS = Object.keys(Event.shape) as (keyof Event)[]

const isOfAnother = sql`(${events.actorKey} is not null or ${events.actorId} <> ${events.userId})`
const unlessOfAnother = (column: Column) =>
  sql<string | null>`case when ${isOfAnother} then null else ${column} end`

/** The address and the browser of the user. Those of an administrator or a service are not about the user. */
export const OWN_CLIENT = {
  ipAddress: unlessOfAnother(events.ipAddress),
  userAgent: unlessOfAnother(events.userAgent),
}

/** Reads the signed-in user's own events, newest first. */
export function createEventLog({ db }: { db: Db }) {
  const readNewest = prepare()
  const readOlder = prepare(isOlderThanGiven)

  function prepare(filter?: SQL) {
    const newestFirst = db
      .select({ ...pick(events, EVENT_FIELDS), ...OWN_CLIENT })
      .from(events)
      .where(and(eq(events.userId, param('userId')), filter))
      .orderBy(desc(events.lastAt), desc(events.id))
      .limit(param('first'))
    return prepareRows(db, newestFirst, { isShort: true })
  }

  return async function listEvents({ first, after }: InputOf<'events'>, caller: Caller): Promise<Event[]> {
    const { user } = await viewerOf(caller)
    if (after !== undefined && !EventId.safeParse(after).success) throw unknownEvent()
    const given = { userId: user.id, first }
    const rows = await (after === undefined ? readNewest(given) : readOlder({ ...given, after }))
    if (after !== undefined && rows.length === 0 && !(await exists(after, user.id))) throw unknownEvent()
    return rows
  }

  async function exists(id: string, userId: string) {
    const isOwn = and(eq(events.id, id), eq(events.userId, userId))
    return (await db.select({ id: events.id }).from(events).where(isOwn)).length > 0
  }
}

const EventId = z.uuid()

/** By where that event is now: if it has repeated since, the page shows events again, but it leaves none out. */
const isOlderThanGiven = sql`(${events.lastAt}, ${events.id}) < (
  select last_at, id from ${events} where id = ${param('after')}::uuid and user_id = ${param('userId')}::uuid
)`

const unknownEvent = () => invalid('after', 'Is not an event of this account.')
