import { type SQL, sql } from 'drizzle-orm'
import type { ProfileColumns } from '../../contract/fields.ts'
import { secondsFromNow } from '../../db/moments.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { users } from '../../db/schema/users.ts'
import { createStatement } from '../../db/statement.ts'
import { toChallengeRowId } from '../factors/challenges.ts'
import type { FactorUse } from '../factors/factor-use.ts'
import { param, type Steps, type StepsOptions } from './opening-steps.ts'
import { writeRegistration } from './registration-steps.ts'
import { PASSWORD, toFactorConditions, toPasskeyConditions, writeSignIn } from './sign-in-steps.ts'

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
  | {
      /** The statement inserts the account too, if its address is free. */
      newAccount: NewAccount
    }

/** `mailDevice`: the browser of the client, if this server knows it. */
type NewAccount = ProfileColumns & { password: string; mailDevice: string | null }

type Options = StepsOptions & { seconds: number }
type OpeningValues = Record<string, unknown> & { amr: string; provesFactor: boolean }

const noFormer = { lock: sql``, isTurn: sql`true`, end: sql`` }

/**
 * Locks both accounts before anything else, in the order of their ids: the end of the former session may change its
 * account too. Another order could deadlock, for example with a sign-in that ends a session of this account.
 */
const former = {
  lock: sql`
    held as (
      select id from ${users}
      where id in (${param('accountId')}::uuid, (select user_id from ${sessions} where id = ${param('formerSessionId')}::uuid))
      order by id for no key update
    ),`,
  isTurn: sql`(select count(*) from held) >= 0`,
  end: sql`
    ), ended as (
      delete from ${sessions} where id = ${param('formerSessionId')}::uuid and exists (select from opened)`,
}

/**
 * Returns the statement that opens sessions for a kind of proof, and the values of this proof in it.
 *
 * It is one `with` list. Each proof has the parts that it needs, in this order:
 *
 * - `held`: both accounts are locked, if a former session ends
 * - `account`: the account is locked and read, or inserted
 * - `holder`, `used`, `completed`, `found`: a factor and its challenge are used up, and a recovery of factors ends
 * - `opened`: the session, if everything is proven; all that follows depends on it
 * - `ended`: the former session
 * - `known`, `from_new_place`, `placed`: whether the client signs in here for the first time
 * - `recorded`, `mailed`: the event, and the mail about it
 */
export function prepareOpening(options: Options) {
  /** Most clients have no session that ends. Without that part, the statement costs PostgreSQL less. */
  const write = (steps: Steps) => ({
    alone: writeStatement(steps, options),
    endingFormer: writeStatement(steps, options, former),
  })
  const asNewAccount = write(writeRegistration(options))
  const byPassword = write(writeSignIn(PASSWORD, options))
  const byFactor = once((uses: SQL) => write(writeSignIn(toFactorConditions(uses), options)))
  const byPasskey = once((uses: SQL) => write(writeSignIn(toPasskeyConditions(uses), options)))

  return (proof: SignInProof, formerSessionId: string | undefined) => {
    const { statements, values } = choose(proof)
    if (formerSessionId === undefined) return { execute: statements.alone, values }
    return { execute: statements.endingFormer, values: { ...values, formerSessionId } }
  }

  function choose(proof: SignInProof) {
    if ('newAccount' in proof) {
      return { statements: asNewAccount, values: { ...proof.newAccount, amr: 'pwd', provesFactor: false } }
    }
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

function writeStatement(
  { account, useUp, isProven, followUp }: Steps,
  { seconds }: Options,
  { lock, isTurn, end } = noFormer,
) {
  return createStatement<Record<string, unknown>>(sql`
    with ${lock} account as (
      ${account(isTurn)}
    ${useUp}
    ), opened as (
      insert into ${sessions} (id, user_id, token, lineage, transport, ip_address, user_agent, expires_at, amr, factor_at)
      select ${param('id')}::uuid, id, ${param('tokenHash')}, ${param('lineage')}::uuid, ${param('transport')}::session_transport,
        ${param('ipAddress')}, ${param('userAgent')}, ${secondsFromNow(seconds)},
        ${param('amr')}, case when ${param('provesFactor')}::boolean then now() end
      from account where has_password and is_verified and ${isProven}
      returning id, user_id, expires_at
    ${end}
    ${followUp}
    )
    select has_password, is_verified, roles, claims, claims_changed_at, seconds_since_claims,
      opened.id, opened.expires_at, now() as opened_at
    from account left join opened on true`)
}

/** Remembers the result for each argument, of which there are few. */
function once<Key extends object, Value>(create: (key: Key) => Value) {
  const known = new Map<Key, Value>()
  return (key: Key) => {
    const value = known.get(key) ?? create(key)
    known.set(key, value)
    return value
  }
}
