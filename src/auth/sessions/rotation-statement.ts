import { and, eq, isNull, not, or, sql } from 'drizzle-orm'
import { GRACE_SECONDS } from '../../contract/lifetimes.ts'
import { USER_FIELDS, type User } from '../../contract/outputs/user.ts'
import type { Db } from '../../db/client.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { places } from '../../db/schema/throttle.ts'
import { users } from '../../db/schema/users.ts'
import { param } from '../../db/statements/parameters.ts'
import { pick } from '../../db/statements/pick.ts'
import { prepareRows } from '../../db/statements/row-reader.ts'
import { EVENT_PARAMETERS, insertEvents, selectEvent } from '../events/events.ts'
import { secondsSinceClaims } from '../keys/token-claims.ts'
import { SESSION_COLUMNS } from './session-columns.ts'
import {
  grace,
  isPredecessorValid,
  isTokenUsed,
  MAX_REQUEST_SECONDS,
  timeOfUse,
  toInterval,
} from './token-use.ts'

type Settings = { SESSION_IDLE_SECONDS: number; SESSION_MAX_SECONDS: number }

/** What the answer and the tokens say of the session and of its user. */
const SHOWN_COLUMNS = [...SESSION_COLUMNS, 'transport'] as const
/** Both tables have columns of these names, so the statement names them apart. */
const SHARED = ['id', 'createdAt', 'updatedAt'] as const
type Shared = (typeof SHARED)[number]
const isOwn = (name: keyof User): name is Exclude<keyof User, Shared> => !SHARED.includes(name as Shared)
const USER_COLUMNS = [
  ...USER_FIELDS.filter(isOwn),
  'claims' as const,
  'claimsChangedAt' as const,
  'secondFactorAt' as const,
]

const latestEnd = ({ SESSION_MAX_SECONDS }: Settings) =>
  sql`${sessions.createdAt} + ${toInterval(SESSION_MAX_SECONDS)}`

/** The setting may have been longer when the session was refreshed last. */
export const isExpired = (settings: Settings) =>
  sql<boolean>`least(${sessions.expiresAt}, ${latestEnd(settings)}) <= now()`

/**
 * The statement of a refresh. It accepts the current token and its valid predecessor, rotates the session if that is due,
 * and records an event unless it gives the current token back to itself. `knownPlaces` counts the places of the request
 * that the account has had; null if the session was opened from there.
 */
export function prepareRotation(db: Db, settings: Settings) {
  const [hash, successorHash] = [sql.raw('given.hash'), sql.raw('given.successor_hash')]
  const isCurrent = sql<boolean>`${sessions.token} = ${hash}`
  const isPredecessor = sql`${sessions.previousToken} = ${hash} and ${isPredecessorValid}`
  // A rotation makes the predecessor invalid. So it waits until no request with the predecessor can be under way.
  const lastExchange = sql`greatest(${sessions.rotatedAt}, ${sessions.tokenUsedAt})`
  const isDue = sql`${isCurrent} and coalesce(${lastExchange} <= now() - ${grace}, true)`
  // A current token that is given again late would rotate as soon as one request presents it, when others may still
  // present its predecessor. `infinity` lets it rotate only after its first use.
  const isLate = sql`${sessions.rotatedAt} <= now() - ${toInterval(GRACE_SECONDS - MAX_REQUEST_SECONDS)}`
  const idleEnd = sql`now() + ${toInterval(settings.SESSION_IDLE_SECONDS)}`

  const rotated = db.$with('rotated').as(
    db
      .update(sessions)
      .set({
        token: sql`case when ${isDue} then ${successorHash} else ${sessions.token} end`,
        previousToken: sql`case when ${isDue} then ${sessions.token} else ${sessions.previousToken} end`,
        rotatedAt: sql`case when ${isDue} then now() else ${sessions.rotatedAt} end`,
        tokenUsedAt: sql`case when ${isDue} then null when ${isTokenUsed} then ${sessions.tokenUsedAt}
          when ${isCurrent} then ${timeOfUse} when ${isLate} then 'infinity' end`,
        expiresAt: sql`least(${idleEnd}, ${latestEnd(settings)})`,
        lastUsedAt: sql`now()`,
      })
      // Joined here, so that the user is read once: as a condition and for the answer.
      .from(users)
      .innerJoin(
        sql`(values (${param('hash')}::text, ${param('successorHash')}::text)) as given (hash, successor_hash)`,
        sql`true`,
      )
      .where(
        and(
          eq(sessions.id, param('sessionId')),
          not(isExpired(settings)),
          eq(sessions.transport, param('transport')),
          or(isCurrent, isPredecessor),
          eq(users.id, sessions.userId),
          isNull(users.disabledAt),
        ),
      )
      .returning({
        ...pick(sessions, SHOWN_COLUMNS),
        userId: sessions.userId,
        rotatedAt: sessions.rotatedAt,
        isCurrent: isCurrent.as('is_current'),
        ...pick(users, USER_COLUMNS),
        secondsSinceClaims: secondsSinceClaims.as('seconds_since_claims'),
        userCreatedAt: sql`${users.createdAt}`.mapWith(users.createdAt).as('user_created_at'),
        userUpdatedAt: sql`${users.updatedAt}`.mapWith(users.updatedAt).as('user_updated_at'),
      }),
  )
  const kind = sql`case when rotated_at = now() then 'refresh' else 'refresh_predecessor' end`
  const event = selectEvent(kind, sql`user_id`, EVENT_PARAMETERS)
  const recorded = db
    .$with('recorded', {})
    .as(insertEvents(sql`select ${event} from rotated where not is_current`))
  const knownPlaces = sql<number | null>`
    case when ${param('devicePlace')}::text is not null or rotated.ip_address is distinct from ${param('ipAddress')} then (
      select count(*)::int from ${places} as had
      where had.user_id = rotated.user_id and had.place in (${param('networkPlace')}, ${param('devicePlace')}))
    end`

  const rotate = db
    .with(rotated, recorded)
    .select({
      session: pick(rotated, SHOWN_COLUMNS),
      user: {
        ...pick(rotated, USER_COLUMNS),
        id: rotated.userId,
        secondsSinceClaims: rotated.secondsSinceClaims,
        createdAt: rotated.userCreatedAt,
        updatedAt: rotated.userUpdatedAt,
      },
      isCurrent: rotated.isCurrent,
      knownPlaces,
    })
    .from(rotated)
  return prepareRows(db, rotate)
}
