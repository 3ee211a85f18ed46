import { type SQL, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { events } from '../../db/schema/events.ts'
import { users } from '../../db/schema/users.ts'
import { param } from '../../db/statements/parameters.ts'
import { createStatement } from '../../db/statements/statement.ts'
import { digest } from '../keys/sealed-tokens.ts'
import { toNetwork } from '../throttle/networks.ts'
import { type EventKind, UNPROVEN_KINDS } from './kinds.ts'

/** Origins that are no place: one row of a kind for all days, and one row of a kind for a day. */
const ALL_DAYS = ''
const WHOLE_DAY = '*'

/**
 * How many rows the places of an account get on one day, all kinds together. Further places share one row of each kind.
 * So a page of 100 shows the whole day, however often an attacker with the password changes network and browser.
 */
export const MAX_PLACE_ROWS_PER_DAY = 20

const ORIGIN_CHARACTERS = 22

/**
 * What tells repetitions apart. A kind that needs no credential has one row of an account, so that a stranger cannot
 * bury the others. A kind that needs a credential has one row a day for each network and browser.
 */
function toOrigin(kind: EventKind, { ipAddress, userAgent }: Client) {
  if (UNPROVEN_KINDS.has(kind)) return ALL_DAYS
  return digest(`${toNetwork(ipAddress)} ${userAgent}`).slice(0, ORIGIN_CHARACTERS)
}

/** The values of an event that follow from the client. */
export function toEventValues(kind: EventKind, client: Client) {
  const { requestId, ipAddress, userAgent } = client
  return { origin: toOrigin(kind, client), network: toNetwork(ipAddress), requestId, ipAddress, userAgent }
}

type EventValues = Record<keyof ReturnType<typeof toEventValues>, unknown>

/** The placeholders of a statement that gets `toEventValues`. */
export const EVENT_PARAMETERS = {
  origin: param('origin'),
  network: param('network'),
  requestId: param('requestId'),
  ipAddress: param('ipAddress'),
  userAgent: param('userAgent'),
}

/** The select list of an event, for `insertEvents`. The kind may be an expression, and the values placeholders. */
export function selectEvent(kind: EventKind | SQL, userId: SQL, values: EventValues) {
  const { origin, network, requestId, ipAddress, userAgent } = values
  return sql`cast(${kind} as text) as kind, ${userId} as user_id, ${origin}::text as origin, ${network}::text as network,
    ${requestId}::text as request_id, ${ipAddress}::text as ip_address, ${userAgent}::text as user_agent`
}

const today = sql`(now() at time zone 'utc')::date`
const isOfToday = sql`user_id = found.user_id and day = ${today}`
// A value and no `exists`: for that, PostgreSQL may read the whole table into a hash.
const hasRowOfPlace = sql`coalesce((
  select true from ${events} where ${isOfToday} and kind = found.kind and origin = found.origin), false)`
// Without `count`, which costs more to start than to run.
const hasRoomForRow = sql`coalesce((
  select false from ${events} where ${isOfToday}
    and last_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc'
  offset ${sql.raw(`${MAX_PLACE_ROWS_PER_DAY - 1}`)} limit 1), true)`
const allDays = sql.raw(`'${ALL_DAYS}'`)
const wholeDay = sql.raw(`'${WHOLE_DAY}'`)

/**
 * The statement that stores the events of a query, whose select list `selectEvent` writes. A repetition changes the row
 * that is there. Events without an account are told apart by network and day. A refresh has one row a day, because it is
 * frequent, and another kind records a refresh from a new place.
 */
export function insertEvents(query: SQL) {
  return sql`
    insert into ${events} (kind, user_id, origin, day, request_id, ip_address, user_agent)
    select kind, user_id,
      case when user_id is null then network
        when kind = 'refresh' then ${wholeDay}
        when origin = ${allDays} or ${hasRowOfPlace} or ${hasRoomForRow} then origin
        else ${wholeDay} end,
      case when origin = ${allDays} and user_id is not null then '-infinity' else ${today} end,
      request_id, ip_address, user_agent
    from (${query}) as found
    on conflict (user_id, kind, origin, day) do update set
      count = ${events.count} + 1, last_at = now(), request_id = excluded.request_id,
      ip_address = excluded.ip_address, user_agent = excluded.user_agent`
}

const insertEvent = createStatement(
  insertEvents(
    sql`select ${selectEvent(sql`${param('kind')}`, sql`${param('userId')}::uuid`, EVENT_PARAMETERS)}`,
  ),
)

/** Records an event. Pass the transaction of the change, so that neither is stored without the other. */
export async function recordEvent(
  executor: Executor,
  kind: EventKind,
  userId: string | null,
  client: Client,
) {
  await insertEvent(executor, { kind, userId, ...toEventValues(kind, client) })
}

/**
 * Records an event for the account with this address, if any. The work is the same with and without an account. So is
 * the wait for concurrent requests: with an account they wait for its row, so without one they wait for a lock too.
 */
export async function recordEventByEmail(executor: Executor, kind: EventKind, email: string, client: Client) {
  const turn = sql`select pg_advisory_xact_lock(hashtextextended(${email}, 0))`
  const account = sql`select id from ${users} where email = ${email}`
  const event = selectEvent(kind, sql`account.id`, toEventValues(kind, client))
  await executor.execute(
    insertEvents(sql`select ${event} from (${turn}) as turn left join (${account}) as account on true`),
  )
}
