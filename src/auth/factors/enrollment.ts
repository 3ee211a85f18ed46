import { eq, sql } from 'drizzle-orm'
import { type Caller, identityOf } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { challenges, factors } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { lockLiveUser } from '../sessions/live-session.ts'
import { isLiveChallenge } from './challenges.ts'
import { completeFactorChange } from './factor-change.ts'
import { requireRecentProof } from './recent-proof.ts'
import { replaceRecoveryCodes } from './recovery-codes.ts'
import { createTotpSecret, findStep, toTotpUri } from './totp.ts'

/** Adds authenticator apps to the signed-in user's account. */
export function createEnrollment(dependencies: Dependencies) {
  const { challenges: pending, db, encryption, issuer, sessionCache } = dependencies

  return {
    /** Creates a key. It counts only when a code has proven that the app has it. */
    async beginTotp(_input: undefined, caller: Caller) {
      const identity = await identityOf(caller)
      const { user, session } = identity
      await requireRecentProof(db, identity, user)
      const secret = createTotpSecret()
      const begun = await pending.beginEnrollment(db, {
        userId: user.id,
        sessionId: session.id,
        secret: encryption.encrypt(secret, user.id),
      })
      return { ...begun, secret, uri: toTotpUri(secret, { issuer, label: user.email }) }
    },

    /** Only the session that has begun can confirm. A wrong code leaves the enrolment as it is. */
    async confirmTotp({ id, code }: InputOf<'confirmTotp'>, caller: Caller) {
      const identity = await identityOf(caller)
      const { codes, secret } = await db.transaction(async (tx) => {
        const user = await lockLiveUser(tx, identity)
        await requireRecentProof(tx, identity, user)
        const isOwn = eq(challenges.sessionId, identity.session.id)
        const isEnrollment = sql`${isLiveChallenge(id, 'TOTP_ENROLLMENT')} and ${isOwn}`
        const [enrollment] = await tx
          .select({ secret: challenges.secret, now: sql<number>`extract(epoch from now())::float8` })
          .from(challenges)
          .where(isEnrollment)
        if (!enrollment?.secret) throw new AuthError('NOT_FOUND')
        const step = findStep(encryption.decrypt(enrollment.secret, user.id), code, enrollment.now)
        if (step === null) throw new AuthError('INVALID_CREDENTIALS')
        // The code that confirms counts as used.
        await tx
          .insert(factors)
          .values({ userId: user.id, kind: 'TOTP', secret: enrollment.secret, lastStep: step })
        const codes = user.secondFactorAt ? null : await replaceRecoveryCodes(tx, user.id)
        const renewed = await completeFactorChange(tx, dependencies, {
          user,
          identity,
          provenBy: ['otp', 'mfa'],
          event: 'factor_added',
          notice: 'factor-added',
          client: caller.client,
        })
        return { codes, secret: renewed?.secret }
      })
      sessionCache.evict(identity.user.id)
      if (secret) caller.keepSecret(secret)
      return { codes }
    },
  }
}
