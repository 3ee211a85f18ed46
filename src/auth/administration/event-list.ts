import { and, desc, eq, not, sql } from 'drizzle-orm'
import type { InputOf } from '../../contract/operations.ts'
import type { EventConnection } from '../../contract/outputs/administration/audit-event.ts'
import type { Db } from '../../db/client.ts'
import { events } from '../../db/schema/events.ts'
import { countRows, fromCursor, isOlderThan, type Position, toCursor, toPage } from './pages.ts'

type Request = InputOf<'auditEvents'>

/** The columns of an event that administrators see. */
export const EVENT_COLUMNS = {
  id: events.id,
  kind: events.kind,
  count: events.count,
  createdAt: events.createdAt,
  lastAt: events.lastAt,
  ipAddress: events.ipAddress,
  userAgent: events.userAgent,
  actorId: events.actorId,
  actorKey: events.actorKey,
  detail: events.detail,
  userId: events.userId,
  requestId: events.requestId,
}

/** As in the partial index. */
const isByAdministrator = sql`(${events.actorId} is not null or ${events.actorKey} is not null)`

function toConditions(filter: Request['filter']) {
  const { userId, actorId, kind, byAdministrators, since, until } = filter ?? {}
  return and(
    userId == null ? undefined : eq(events.userId, userId),
    actorId == null ? undefined : and(isByAdministrator, eq(events.actorId, actorId)),
    kind == null ? undefined : eq(events.kind, kind),
    byAdministrators == null ? undefined : byAdministrators ? isByAdministrator : not(isByAdministrator),
    since == null ? undefined : sql`${events.lastAt} >= ${since}::timestamptz`,
    until == null ? undefined : sql`${events.lastAt} < ${until}::timestamptz`,
  )
}

function eventStatement(db: Db, { first, filter }: Request, after?: Position) {
  return db
    .select({ ...EVENT_COLUMNS, key: sql<string>`${events.lastAt}::text` })
    .from(events)
    .where(and(toConditions(filter), isOlderThan(after, events.lastAt, events.id)))
    .orderBy(desc(events.lastAt), desc(events.id))
    .limit(first + 1)
}

/** Lists the events of all accounts, newest first. */
export function createAuditLog({ db }: { db: Db }) {
  return async function listEvents(request: Request): Promise<EventConnection> {
    const { first, filter } = request
    const [rows, totalCount] = await Promise.all([
      eventStatement(db, request, fromCursor(request.after, ['event'])),
      request.count ? countRows(db, events, toConditions(filter)) : null,
    ])
    const edges = rows.map(({ key, ...node }) => ({
      cursor: toCursor({ part: 'event', key, id: node.id }),
      node,
    }))
    return { ...toPage(edges, first), totalCount }
  }
}
