import { getTableColumns, type SQL, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { SessionTransport } from '../../contract/fields.ts'
import type { Executor } from '../../db/client.ts'
import {
  challenges,
  mailOutbox,
  places as placesTable,
  type SessionRow,
  sessions,
  type UserRow,
  users,
} from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import { type EventKind, insertEvents, selectEvent, toEventValues } from '../events/events.ts'
import { toChallengeRowId } from '../factors/challenges.ts'
import type { FactorUse } from '../factors/factor-use.ts'
import { createRandomId, digest } from '../keys/sealed-tokens.ts'
import type { ClaimedUser } from '../keys/token-claims.ts'
import { MAX_TOKEN_AGE_SECONDS } from '../mailing/mailed-tokens.ts'
import type { Outbox } from '../mailing/outbox.ts'
import type { Observer } from '../observer.ts'
import type { RefreshTokens } from '../sessions/refresh-tokens.ts'
import { hasRoomForPlace, KNOWN_PLACE_DAYS, type Places } from '../throttle/places.ts'

export type OpenSession = ReturnType<typeof createOpenSession>

type Parts = {
  outbox: Outbox
  places: Places
  refreshTokens: RefreshTokens
  observer?: Observer | undefined
  settings: {
    SESSION_IDLE_SECONDS: number
    SESSION_MAX_SECONDS: number
    REQUIRE_EMAIL_VERIFICATION: boolean
    SIGN_IN_MAILS: boolean
  }
}

type NewSession = {
  operation: 'register' | 'login'
  account: { id: string; email: string }
  proof: SignInProof
  transport: SessionTransport
  client: Client
  /** The caller's former session, which ends. */
  formerSessionId: string | undefined
}

/** What the client has proven. The statement compares it with what the account demands now. */
export type SignInProof =
  | {
      /** The stored hash that the password was checked against. */
      passwordHash: string
      /** A factor, with the id of the challenge that it completes. The session opens only if both still count. */
      factor?: FactorUse & { challenge: string }
    }
  | {
      /** A passkey, which has verified its user: no password is needed. */
      passkey: FactorUse
    }

/** Why no session was opened. The password may be the same, with another hash. */
type Unproven = 'PASSWORD_CHANGED' | 'FACTOR_MISSING'

/** `claimed`: the roles and claims of the account, of the moment of its lock. `deviceToken`: the device cookie of the browser. */
export type OpenedSession = {
  session: SessionRow
  claimed: Omit<ClaimedUser, 'id'>
  secret: string
  deviceToken: string
}

/**
 * All sessions are opened by this one statement. It inserts a session only if the proof is all that the account
 * demands. It locks the account first: an earlier change of the password, the address or the state makes it fail, and
 * a later change finds the new session and ends it. It also makes the client's network and browser known to the account;
 * a sign-in from a place that is new to an account is an event and a mail.
 */
export function createOpenSession({ outbox, places, refreshTokens, observer, settings }: Parts) {
  const seconds = Math.min(settings.SESSION_IDLE_SECONDS, settings.SESSION_MAX_SECONDS)
  const needsVerification = settings.REQUIRE_EMAIL_VERIFICATION
  const mailsSignIns = settings.SIGN_IN_MAILS && outbox.enabled

  /**
   * @returns `PASSWORD_CHANGED` if the stored hash has changed since it was read; the password may be the same.
   * `FACTOR_MISSING` if the account needs a factor and none was proven, or the proof was used up by another request
   * @throws `INVALID_CREDENTIALS` if the account is deleted, disabled or has another address; `EMAIL_NOT_VERIFIED`
   */
  return async function openSession(
    executor: Executor,
    { operation, account, proof, transport, client, formerSessionId }: NewSession,
  ): Promise<OpenedSession | Unproven> {
    const { ipAddress, userAgent } = client
    const { network } = places.toPlaces(client)
    const device = places.identifyDevice(client)
    // Only a browser with a cookie jar can come back as the same device.
    const devicePlace = transport === 'COOKIE' || client.device !== null ? device.place : null
    const id = crypto.randomUUID()
    const { lineage, token } = refreshTokens.startLineage(id)
    const isLogin = operation === 'login'
    const { hasPassword, useUp, isProven, amr, factorAt } = toConditions(proof)
    const event = (kind: EventKind) => selectEvent(kind, sql`user_id`, toEventValues(kind, client))
    // Plain SQL: Drizzle takes as long to build it as all the rest of a registration's transaction.
    const [row] = await executor.execute<Record<string, unknown>>(sql`
      with account as (
        select id, ${hasPassword} as has_password,
          email_verified or not ${needsVerification}::boolean as is_verified,
          second_factor_at is not null as needs_factor,
          coalesce(factor_recovery_at <= now(), false) as can_recover,
          created_at < now() - make_interval(days => ${KNOWN_PLACE_DAYS}::int) as is_old,
          roles, claims, claims_changed_at, extract(epoch from now() - claims_changed_at)::float8 as seconds_since_claims
        from ${users}
        where id = ${account.id}::uuid and email = ${account.email} and disabled_at is null
        for no key update
      ${useUp}
      ), opened as (
        insert into ${sessions} (id, user_id, token, lineage, transport, ip_address, user_agent, expires_at, amr, factor_at)
        select ${id}::uuid, id, ${digest(token)}, ${lineage}::uuid, ${transport}::session_transport,
          ${ipAddress}, ${userAgent}, now() + make_interval(secs => ${seconds}::int),
          ${amr.join(' ')}, ${factorAt}
        from account where has_password and is_verified and ${isProven}
        returning *
      ), ended as (
        delete from ${sessions} where id = ${formerSessionId ?? null}::uuid and exists (select from opened)
      ), known as (
        select coalesce(place in (${network}, ${devicePlace}), false) as is_here from ${placesTable}
        where user_id = ${account.id}::uuid and signed_in_at > now() - make_interval(days => ${KNOWN_PLACE_DAYS}::int)
      ), from_new_place as (
        -- Without a known place, a young account signs in for the first time, and an old one after a long pause.
        select * from opened where ${isLogin}::boolean
          and coalesce((select not bool_or(is_here) from known), (select is_old from account))
      ), placed as (
        insert into ${placesTable} (user_id, place, signed_in_at)
        select opened.user_id, here.place, now() from opened, (values (${network}), (${devicePlace})) as here (place)
        where here.place is not null and ${hasRoomForPlace(sql`opened.user_id`, sql`here.place`)}
        on conflict (user_id, place) do update set signed_in_at = now(), seen_at = now()
        where ${placesTable}.signed_in_at is null or ${placesTable}.signed_in_at < now() - interval '1 day'
      ), recorded as (
        ${insertEvents(sql`select ${event('login')} from opened where ${isLogin}::boolean
          union all select ${event('login_new_place')} from from_new_place`)}
      ), mailed as (
        insert into ${mailOutbox} (id, kind, recipient, user_id, session_id, expires_at)
        select ${createRandomId()}::uuid, 'sign-in', ${account.email}, user_id, id,
          now() + make_interval(secs => ${MAX_TOKEN_AGE_SECONDS.SIGN_IN_REPORT}::int)
        from from_new_place where ${mailsSignIns}::boolean
      )
      select has_password, is_verified, roles, claims, claims_changed_at, seconds_since_claims, opened.* from account left join opened on true`)
    if (!row) throw new AuthError('INVALID_CREDENTIALS')
    if (!row.has_password) return 'PASSWORD_CHANGED'
    if (!row.is_verified) throw new AuthError('EMAIL_NOT_VERIFIED')
    if (row.id === null) return 'FACTOR_MISSING'
    observer?.onSessionOpened(operation)
    return {
      session: toSessionRow(row),
      claimed: toClaimColumns(row),
      secret: token,
      deviceToken: device.token,
    }
  }
}

/** What the statement demands of an account and uses up, for each way to prove that it is the client's. */
function toConditions(proof: SignInProof) {
  if ('passkey' in proof) {
    const { statement, amr } = proof.passkey
    return {
      hasPassword: sql`true`,
      useUp: usePasskeyUp(statement),
      isProven: sql`exists (select from used)`,
      amr,
      factorAt: sql`now()`,
    }
  }
  const { passwordHash, factor } = proof
  const hasPassword = sql`password = ${passwordHash} and password_locked_at is null`
  if (!factor) {
    return { hasPassword, useUp: sql``, isProven: sql`not needs_factor`, amr: ['pwd'], factorAt: sql`null` }
  }
  const isProven = sql`exists (select from completed)`
  return {
    hasPassword,
    useUp: useFactorUp(factor),
    isProven,
    amr: ['pwd', ...factor.amr],
    factorAt: factor.isRecovery ? sql`null` : sql`now()`,
  }
}

/** Uses the factor up, and the challenge if the factor counted. A wrong code leaves the challenge. */
const useFactorUp = ({ statement, challenge }: FactorUse & { challenge: string }) => sql`
      ), holder as (
        select id, can_recover from account where has_password and is_verified and needs_factor
      ), used as (
        ${statement}
      ), completed as (
        delete from ${challenges} using used
        where ${challenges.id} = ${toChallengeRowId(challenge)}::uuid and user_id = used.id and expires_at > now()
        returning used.id
      ${endRecovery(sql`completed`)}`

const usePasskeyUp = (statement: SQL) => sql`
      ), holder as (
        select id, can_recover from account where is_verified
      ), used as (
        ${statement}
      ${endRecovery(sql`used`)}`

/** A proven factor is not lost, so it ends a recovery. */
const endRecovery = (proven: SQL) => sql`
      ), found as (
        update ${users} set factor_recovery_at = null from ${proven}
        where ${users.id} = ${proven}.id and factor_recovery_at is not null`

function toClaimColumns(row: Record<string, unknown>): OpenedSession['claimed'] {
  const [roles, claims, changedAt] = [row.roles, row.claims, row.claims_changed_at]
  return {
    roles: users.roles.mapFromDriverValue(roles as string) as string[],
    claims: users.claims.mapFromDriverValue(claims as string) as UserRow['claims'],
    claimsChangedAt:
      changedAt === null ? null : (users.claimsChangedAt.mapFromDriverValue(changedAt as string) as Date),
    secondsSinceClaims: row.seconds_since_claims as number | null,
  }
}

const COLUMNS = Object.entries(getTableColumns(sessions))

/** Converts a row of the driver, in which times are text. */
function toSessionRow(row: Record<string, unknown>) {
  const values = COLUMNS.map(([key, column]) => {
    const value = row[column.name]
    return [key, value === null ? null : column.mapFromDriverValue(value)]
  })
  return Object.fromEntries(values) as SessionRow
}
