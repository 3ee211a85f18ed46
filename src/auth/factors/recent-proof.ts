import { eq, sql } from 'drizzle-orm'
import type { Identity } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { proofRequired } from '../../errors.ts'
import { findMethods } from './factor-methods.ts'

/** How recently the password or a factor must have been proven in a session that changes factors. */
export const MAX_PROOF_AGE_SECONDS = 5 * 60

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

/**
 * Other services judge by `acr` and `auth_time` together. So a password alone leaves the time of an `aal2` session as it is,
 * while the account has a factor.
 */
const nowUnlessFactorCounts = sql`case when ${sessions.factorAt} is not null and exists (
    select from ${users} where ${users.id} = ${sessions.userId} and ${users.secondFactorAt} is not null)
  then ${sessions.authenticatedAt} else now() end`

/** Records in a session what was proven in it now. */
export async function recordProof(
  tx: Executor,
  { id, amr }: { id: string; amr: string },
  methods: string[],
  isFactor: boolean,
) {
  const all = [...new Set([...amr.split(' '), ...methods])].join(' ')
  await tx
    .update(sessions)
    .set({
      authenticatedAt: isFactor ? sql`now()` : nowUnlessFactorCounts,
      amr: all,
      ...(isFactor && { factorAt: sql`now()` }),
    })
    .where(eq(sessions.id, id))
}
