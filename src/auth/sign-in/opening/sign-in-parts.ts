import { type SQL, sql } from 'drizzle-orm'
import { secondsFromNow } from '../../../db/moments.ts'
import { challenges } from '../../../db/schema/factors.ts'
import { mailOutbox } from '../../../db/schema/mail-outbox.ts'
import { places } from '../../../db/schema/throttle.ts'
import { users } from '../../../db/schema/users.ts'
import { param } from '../../../db/statements/parameters.ts'
import { insertEvents } from '../../events/events.ts'
import { secondsSinceClaims } from '../../keys/token-claims.ts'
import { MAX_TOKEN_AGE_SECONDS } from '../../mailing/mailed-tokens.ts'
import { hasRoomForSignIn, isKnownPlace } from '../../throttle/places.ts'
import { device, event, network, type ProofParts } from './opening-statement.ts'

type Options = { needsVerification: boolean; mailsSignIns: boolean }

/** What the statement demands of an account and uses up, for each way to prove that it is the client's. */
type Conditions = Pick<ProofParts, 'useUp' | 'isProven'> & { hasPassword: SQL }

export const writeSignIn = (
  { hasPassword, useUp, isProven }: Conditions,
  { needsVerification, mailsSignIns }: Options,
): ProofParts => ({
  account: (isTurn) => sql`account as (
    select id, ${hasPassword} as has_password,
      email_verified or not ${needsVerification}::boolean as is_verified,
      second_factor_at is not null as needs_factor,
      coalesce(factor_recovery_at <= now(), false) as can_recover,
      roles, claims, claims_changed_at, ${secondsSinceClaims} as seconds_since_claims
    from ${users}
    where id = ${param('accountId')}::uuid and email = ${param('email')} and disabled_at is null
      and ${isTurn}
    for no key update
  )`,
  useUp,
  isProven,
  followUp: [...findNewPlace, knowPlaces, recordLogin, ...(mailsSignIns ? [mailSignIn] : [])],
})

const hasPassword = sql`password = ${param('passwordHash')} and password_locked_at is null`

export const PASSWORD: Conditions = { hasPassword, useUp: [], isProven: sql`not needs_factor` }

/** Uses the factor up, and the challenge if the factor counted. A wrong code leaves the challenge. */
export const toFactorConditions = (uses: SQL[]): Conditions => ({
  hasPassword,
  useUp: [
    sql`holder as (select id, can_recover from account where has_password and is_verified and needs_factor)`,
    ...uses,
    sql`completed as (
    delete from ${challenges} using used
    where ${challenges.id} = ${param('challenge')}::uuid and user_id = used.id and expires_at > now()
    returning used.id
  )`,
    endRecovery(sql`completed`),
  ],
  isProven: sql`exists (select from completed)`,
})

export const toPasskeyConditions = (uses: SQL[]): Conditions => ({
  hasPassword: sql`true`,
  useUp: [
    sql`holder as (select id, can_recover from account where is_verified)`,
    ...uses,
    endRecovery(sql`used`),
  ],
  isProven: sql`exists (select from used)`,
})

/** A proven factor is not lost, so it ends a recovery. */
const endRecovery = (proven: SQL) => sql`unrecovered as (
    update ${users} set factor_recovery_at = null from ${proven}
    where ${users.id} = ${proven}.id and factor_recovery_at is not null
  )`

const findNewPlace = [
  sql`known as (
    select coalesce(place in (${network}, ${device}), false) as is_here from ${places}
    where user_id = ${param('accountId')}::uuid and ${isKnownPlace}
  )`,
  // Also without any known place: an imported account signs in for the first time, or another one after a long pause.
  sql`from_new_place as (
    select id, user_id from opened where not exists (select from known where is_here)
  )`,
]

const knowPlaces = sql`placed as (
    insert into ${places} (user_id, place, signed_in_at)
    select opened.user_id, here.place, now() from opened, (values (${network}), (${device})) as here (place)
    where here.place is not null
      and ${hasRoomForSignIn(sql`opened.user_id`, sql`here.place`)}
    on conflict (user_id, place) do update set signed_in_at = now(), seen_at = now()
  )`

const recordLogin = sql`recorded as (
    ${insertEvents(sql`select ${event('login')} from opened union all select ${event('login_new_place')} from from_new_place`)}
  )`

const mailSignIn = sql`mailed as (
    insert into ${mailOutbox} (id, kind, recipient, user_id, session_id, expires_at)
    select ${param('mailId')}::uuid, 'sign-in', ${param('email')}, user_id, id,
      ${secondsFromNow(MAX_TOKEN_AGE_SECONDS.SIGN_IN_REPORT)}
    from from_new_place
  )`
