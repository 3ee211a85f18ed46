import { eq, sql } from 'drizzle-orm'
import type { Identity } from '../../contract/caller.ts'
import { MAX_PROOF_AGE_SECONDS } from '../../contract/lifetimes.ts'
import type { Executor } from '../../db/client.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { proofRequired } from '../../errors.ts'
import { findMethods } from './factor-methods.ts'

/**
 * Requires a recent proof for a change of factors: for the first factor any credential, after that a factor.
 * @param user the account as it is now
 * @throws `REAUTHENTICATION_REQUIRED` with the proof that is needed
 */
export async function requireRecentProof(executor: Executor, { ages }: Identity, user: UserRow) {
  const acr = user.secondFactorAt ? 'aal2' : 'aal1'
  const age = acr === 'aal2' ? ages.factor : ages.credential
  if (age <= MAX_PROOF_AGE_SECONDS) return
  const methods = acr === 'aal2' ? await findMethods(executor, user.id) : ['password' as const]
  throw proofRequired({ acr, maxAge: MAX_PROOF_AGE_SECONDS, methods })
}

/** Whether the session has proven a factor, and the account still has one. */
const factorCounts = sql`(${sessions.factorAt} is not null and exists (
  select from ${users} where ${users.id} = ${sessions.userId} and ${users.secondFactorAt} is not null))`

/**
 * Records in a session what was proven in it now. Other services judge by `acr` and `auth_time` together. So a password alone
 * leaves the time of an `aal2` session as it is. Once the account has no factor any more, it makes the session `aal1`.
 */
export async function recordProof(
  tx: Executor,
  { id, amr }: { id: string; amr: string },
  methods: string[],
  isFactor: boolean,
) {
  const all = [...new Set([...amr.split(' '), ...methods])].join(' ')
  const byFactor = { authenticatedAt: sql`now()`, factorAt: sql`now()`, amr: all }
  const byPassword = {
    authenticatedAt: sql`case when ${factorCounts} then ${sessions.authenticatedAt} else now() end`,
    factorAt: sql`case when ${factorCounts} then ${sessions.factorAt} end`,
    amr: sql`case when ${factorCounts} or ${sessions.factorAt} is null then ${all} else ${methods.join(' ')} end`,
  }
  await tx
    .update(sessions)
    .set(isFactor ? byFactor : byPassword)
    .where(eq(sessions.id, id))
}
