import { type SQL, sql } from 'drizzle-orm'
import { challenges } from '../../db/schema/factors.ts'
import { mailOutbox } from '../../db/schema/mail-outbox.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { places } from '../../db/schema/throttle.ts'
import { users } from '../../db/schema/users.ts'
import { createStatement } from '../../db/statement.ts'
import { EVENT_PARAMETERS, type EventKind, insertEvents, selectEvent } from '../events/events.ts'
import { toChallengeRowId } from '../factors/challenges.ts'
import type { FactorUse } from '../factors/factor-use.ts'
import { MAX_TOKEN_AGE_SECONDS } from '../mailing/mailed-tokens.ts'
import { hasRoomForPlace, KNOWN_PLACE_DAYS } from '../throttle/places.ts'

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

type Options = { seconds: number; needsVerification: boolean; mailsSignIns: boolean }
type OpeningValues = Record<string, unknown> & { amr: string; provesFactor: boolean }

/** Returns the statement that opens sessions for a kind of proof, and the values of this proof in it. */
export function prepareOpening(options: Options) {
  /** Most clients have no session that ends. Without that part, the statement costs PostgreSQL less. */
  const write = (conditions: Conditions) => ({
    alone: writeStatement(conditions, { ...options, endsFormer: false }),
    endingFormer: writeStatement(conditions, { ...options, endsFormer: true }),
  })
  const byPassword = write(PASSWORD)
  const byFactor = once((uses: SQL) => write(toFactorConditions(uses)))
  const byPasskey = once((uses: SQL) => write(toPasskeyConditions(uses)))

  return (proof: SignInProof, formerSessionId: string | undefined) => {
    const { statements, values } = choose(proof)
    if (formerSessionId === undefined) return { execute: statements.alone, values }
    return { execute: statements.endingFormer, values: { ...values, formerSessionId } }
  }

  function choose(proof: SignInProof) {
    if ('passkey' in proof) {
      return { statements: byPasskey(proof.passkey.uses), values: toFactorValues(proof.passkey) }
    }
    const { passwordHash, factor } = proof
    if (!factor) return { statements: byPassword, values: { passwordHash, amr: 'pwd', provesFactor: false } }
    const { amr, ...values } = toFactorValues(factor)
    const challenge = toChallengeRowId(factor.challenge)
    return {
      statements: byFactor(factor.uses),
      values: { ...values, passwordHash, challenge, amr: `pwd ${amr}`.trim() },
    }
  }
}

const toFactorValues = ({ values, amr, isRecovery }: FactorUse): OpeningValues => ({
  ...values,
  amr: amr.join(' '),
  provesFactor: !isRecovery,
})

/** What the statement demands of an account and uses up, for each way to prove that it is the client's. */
type Conditions = { hasPassword: SQL; useUp: SQL; isProven: SQL }

const param = (name: string) => sql.placeholder(name)

function writeStatement(
  { hasPassword, useUp, isProven }: Conditions,
  { seconds, needsVerification, mailsSignIns, endsFormer }: Options & { endsFormer: boolean },
) {
  const [network, device] = [param('networkPlace'), param('devicePlace')]
  const event = (kind: EventKind) => selectEvent(kind, sql`user_id`, EVENT_PARAMETERS)
  return createStatement<Record<string, unknown>>(sql`
    with account as (
      select id, ${hasPassword} as has_password,
        email_verified or not ${needsVerification}::boolean as is_verified,
        second_factor_at is not null as needs_factor,
        coalesce(factor_recovery_at <= now(), false) as can_recover,
        created_at < now() - make_interval(days => ${KNOWN_PLACE_DAYS}::int) as is_old,
        roles, claims, claims_changed_at, extract(epoch from now() - claims_changed_at)::float8 as seconds_since_claims
      from ${users}
      where id = ${param('accountId')}::uuid and email = ${param('email')} and disabled_at is null
      for no key update
    ${useUp}
    ), opened as (
      insert into ${sessions} (id, user_id, token, lineage, transport, ip_address, user_agent, expires_at, amr, factor_at)
      select ${param('id')}::uuid, id, ${param('tokenHash')}, ${param('lineage')}::uuid, ${param('transport')}::session_transport,
        ${param('ipAddress')}, ${param('userAgent')}, now() + make_interval(secs => ${seconds}::int),
        ${param('amr')}, case when ${param('provesFactor')}::boolean then now() end
      from account where has_password and is_verified and ${isProven}
      returning id, user_id, expires_at
    ${endsFormer ? endFormer : sql``}
    ), known as (
      select coalesce(place in (${network}, ${device}), false) as is_here from ${places}
      where user_id = ${param('accountId')}::uuid and signed_in_at > now() - make_interval(days => ${KNOWN_PLACE_DAYS}::int)
    ), from_new_place as (
      -- Without a known place, a young account signs in for the first time, and an old one after a long pause.
      select id, user_id from opened where ${param('isLogin')}::boolean and not exists (select from known where is_here)
        and (exists (select from known) or (select is_old from account))
    ), placed as (
      insert into ${places} (user_id, place, signed_in_at)
      select opened.user_id, here.place, now() from opened, (values (${network}), (${device})) as here (place)
      where here.place is not null
        and ${hasRoomForPlace(sql`opened.user_id`, sql`here.place`, sql`had.signed_in_at is null or had.signed_in_at < now() - interval '1 day'`)}
      on conflict (user_id, place) do update set signed_in_at = now(), seen_at = now()
    ), recorded as (
      ${insertEvents(sql`select ${event('login')} from opened where ${param('isLogin')}::boolean
        union all select ${event('login_new_place')} from from_new_place`)}
    ${mailsSignIns ? mailSignIn : sql``}
    )
    select has_password, is_verified, roles, claims, claims_changed_at, seconds_since_claims,
      opened.id, opened.expires_at, now() as opened_at
    from account left join opened on true`)
}

const endFormer = sql`
    ), ended as (
      delete from ${sessions} where id = ${param('formerSessionId')}::uuid and exists (select from opened)`

const mailSignIn = sql`
    ), mailed as (
      insert into ${mailOutbox} (id, kind, recipient, user_id, session_id, expires_at)
      select ${param('mailId')}::uuid, 'sign-in', ${param('email')}, user_id, id,
        now() + make_interval(secs => ${MAX_TOKEN_AGE_SECONDS.SIGN_IN_REPORT}::int)
      from from_new_place`

const hasPassword = sql`password = ${param('passwordHash')} and password_locked_at is null`

const PASSWORD: Conditions = { hasPassword, useUp: sql``, isProven: sql`not needs_factor` }

/** Uses the factor up, and the challenge if the factor counted. A wrong code leaves the challenge. */
const toFactorConditions = (uses: SQL): Conditions => ({
  hasPassword,
  useUp: sql`
    ), holder as (
      select id, can_recover from account where has_password and is_verified and needs_factor
    ), ${uses}
    ), completed as (
      delete from ${challenges} using used
      where ${challenges.id} = ${param('challenge')}::uuid and user_id = used.id and expires_at > now()
      returning used.id
    ${endRecovery(sql`completed`)}`,
  isProven: sql`exists (select from completed)`,
})

const toPasskeyConditions = (uses: SQL): Conditions => ({
  hasPassword: sql`true`,
  useUp: sql`
    ), holder as (
      select id, can_recover from account where is_verified
    ), ${uses}
    ${endRecovery(sql`used`)}`,
  isProven: sql`exists (select from used)`,
})

/** A proven factor is not lost, so it ends a recovery. */
const endRecovery = (proven: SQL) => sql`
    ), found as (
      update ${users} set factor_recovery_at = null from ${proven}
      where ${users.id} = ${proven}.id and factor_recovery_at is not null`

/** Remembers the result for each argument, of which there are few. */
function once<Key extends object, Value>(create: (key: Key) => Value) {
  const known = new Map<Key, Value>()
  return (key: Key) => {
    const value = known.get(key) ?? create(key)
    known.set(key, value)
    return value
  }
}
