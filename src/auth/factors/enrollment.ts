import { and, eq } from 'drizzle-orm'
import { type Caller, identityOf } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { challenges, factors } from '../../db/schema/factors.ts'
import { AuthError, invalid } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { secondsOfDatabase } from './authenticators.ts'
import { isLiveChallenge, storeChallenge } from './challenges.ts'
import { changeFactors } from './factor-change.ts'
import { recordProof, requireRecentProof } from './recent-proof.ts'
import { replaceRecoveryCodes } from './recovery-codes.ts'
import { isFactorOf } from './stored-factors.ts'
import { createTotpSecret, findStep, toTotpUri } from './totp.ts'

/** How many authenticator apps an account has. */
export const MAX_AUTHENTICATORS = 5

/** Adds authenticator apps to the signed-in user's account. */
export function createEnrollment(dependencies: Dependencies) {
  const { db, encryption, issuer } = dependencies

  return {
    /** Creates a key. It counts only when a code has proven that the app has it. */
    async beginTotp(_input: undefined, caller: Caller) {
      const identity = await identityOf(caller)
      const { user, session } = identity
      await requireRecentProof(db, identity, user)
      const secret = createTotpSecret()
      const begun = await storeChallenge(db, {
        purpose: 'TOTP_ENROLLMENT',
        userId: user.id,
        sessionId: session.id,
        secret: encryption.encrypt(secret, user.id),
      })
      return { ...begun, secret, uri: toTotpUri(secret, { issuer, label: user.email }) }
    },

    /** Only the session that has begun can confirm. A wrong code leaves the enrolment as it is. */
    confirmTotp({ id, code }: InputOf<'confirmTotp'>, caller: Caller) {
      const change = { event: 'factor_added', notice: 'factor-added' } as const
      return changeFactors(dependencies, caller, change, async (tx, user, { session }) => {
        const isOwn = eq(challenges.sessionId, session.id)
        const [enrollment] = await tx
          .select({ secret: challenges.secret, now: secondsOfDatabase })
          .from(challenges)
          .where(and(isLiveChallenge(id, 'TOTP_ENROLLMENT'), isOwn))
        const key = enrollment?.secret ? encryption.decrypt(enrollment.secret, user.id) : null
        if (!enrollment || !key) throw new AuthError('NOT_FOUND')
        const step = findStep(key.text, code, enrollment.now)
        if (step === null) throw new AuthError('INVALID_CREDENTIALS')
        // Each further key makes a right guess more likely.
        if ((await tx.$count(factors, isFactorOf(user.id, 'TOTP'))) >= MAX_AUTHENTICATORS) {
          throw invalid('', `The account has ${MAX_AUTHENTICATORS} authenticator apps. Remove one first.`)
        }
        // The code that confirms counts as used.
        const { secret } = enrollment
        await tx.insert(factors).values({ userId: user.id, kind: 'TOTP', secret, lastStep: step })
        await recordProof(tx, session, ['otp', 'mfa'], true)
        return { codes: user.secondFactorAt ? null : await replaceRecoveryCodes(tx, user.id) }
      })
    },
  }
}
