import { type SQL, sql } from 'drizzle-orm'
import { secondsFromNow } from '../../../db/moments.ts'
import { sessions } from '../../../db/schema/sessions.ts'
import { users } from '../../../db/schema/users.ts'
import { param } from '../../../db/statements/parameters.ts'
import { createStatement } from '../../../db/statements/statement.ts'
import { EVENT_PARAMETERS, selectEvent } from '../../events/events.ts'
import type { EventKind } from '../../events/kinds.ts'

/** What a kind of proof adds to the statement. `SQL[]` are parts of its `with` list, such as `account as (…)`. */
export type ProofParts = {
  /** `account`: the account is locked and read, or inserted. It evaluates `isTurn` before that. */
  account: (isTurn: SQL) => SQL
  /** What was proven is used up. */
  useUp: SQL[]
  /** The condition on `account` under which the session opens. */
  isProven: SQL
  /** What follows from the session in `opened`. */
  followUp: SQL[]
}

/** The places of the client; the device is null if it cannot come back. */
export const [network, device] = [param('networkPlace'), param('devicePlace')]

/** An event about the user of a part. */
export const event = (kind: EventKind) => selectEvent(kind, sql`user_id`, EVENT_PARAMETERS)

const formerSessionId = sql`${param('formerSessionId')}::uuid`

/**
 * Locks both accounts before anything else, in the order of their ids: the end of the former session may change its
 * account too. Another order could deadlock, for example with a sign-in that ends a session of this account.
 */
const lockBoth = sql`held as (
    select id from ${users}
    where id in (${param('accountId')}::uuid, (select user_id from ${sessions} where id = ${formerSessionId}))
    order by id for no key update
  )`
const areBothLocked = sql`(select count(*) from held) >= 0`

const endFormer = sql`ended as (
    delete from ${sessions} where id = ${formerSessionId} and exists (select from opened)
  )`

export type Opening = ReturnType<typeof prepareOpening>

/**
 * The statement that opens sessions, for one kind of proof. Most clients have no session that ends. Without the parts for
 * it, the statement costs PostgreSQL less.
 */
export function prepareOpening({ account, useUp, isProven, followUp }: ProofParts, sessionSeconds: number) {
  const opened = openIf(isProven, sessionSeconds)
  return {
    alone: prepare([account(sql`true`), ...useUp, opened, ...followUp]),
    endingFormer: prepare([lockBoth, account(areBothLocked), ...useUp, opened, endFormer, ...followUp]),
  }
}

/** All that follows from a sign-in depends on `opened`. */
const openIf = (isProven: SQL, sessionSeconds: number) => sql`opened as (
    insert into ${sessions} (id, user_id, token, lineage, transport, ip_address, user_agent, expires_at, amr, factor_at)
    select ${param('id')}::uuid, id, ${param('tokenHash')}, ${param('lineage')}::uuid, ${param('transport')}::session_transport,
      ${param('ipAddress')}, ${param('userAgent')}, ${secondsFromNow(sessionSeconds)},
      ${param('amr')}, case when ${param('provesFactor')}::boolean then now() end
    from account where has_password and is_verified and ${isProven}
    returning id, user_id, expires_at
  )`

/** The account as it was locked. `id` and `expires_at` are those of the session, and null if none was opened. */
export type OpeningRow = {
  has_password: boolean
  is_verified: boolean
  roles: string
  claims: string
  claims_changed_at: string | null
  seconds_since_claims: number | null
  opened_at: string
} & ({ id: null; expires_at: null } | { id: string; expires_at: string })

const prepare = (parts: SQL[]) =>
  createStatement<OpeningRow>(sql`
  with ${sql.join(parts, sql`, `)}
  select has_password, is_verified, roles, claims, claims_changed_at, seconds_since_claims,
    opened.id, opened.expires_at, now() as opened_at
  from account left join opened on true`)
