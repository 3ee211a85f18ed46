import type { FactorProof } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { AuthError } from '../../errors.ts'
import { createDirectEndpoint } from '../better-auth/direct-endpoint.ts'
import { recordEvent } from '../events/events.ts'
import type { FactorProofs } from '../factors/factor-proofs.ts'
import type { FactorUse } from '../factors/factor-use.ts'
import type { SessionCache } from '../sessions/session-cache.ts'
import type { Throttle } from '../throttle/throttle.ts'
import type { OpenSession, RequestedSession } from './opening/open-session.ts'
import type { SignInChallenges } from './sign-in-challenges.ts'

type CompleteSignInInput = Omit<RequestedSession, 'transport'> & { challenge: string; proof: FactorProof }

type Parts = {
  challenges: SignInChallenges
  db: Db
  factorProofs: FactorProofs
  openSession: OpenSession
  sessionCache: SessionCache
  throttle: Throttle
}

/** The second step of a sign-in, as a Better-Auth endpoint: `auth.api.completeSignIn` returns it. */
export function createCompleteSignInEndpoint(parts: Parts) {
  const { challenges, db, factorProofs, openSession, sessionCache, throttle } = parts

  return createDirectEndpoint(async ({ challenge, proof, client, formerSessionId }: CompleteSignInInput) => {
    const found = await challenges.findSignIn(challenge, client)
    if (!found) throw new AuthError('INVALID_TOKEN')
    const { user, transport, place } = found
    // Counted for the account, so that a new challenge gives no new guesses.
    return throttle.attemptFactor({ userId: user.id, place, proof }, client, async (onWrong) => {
      const factor = await factorProofs.check(user, proof, client, {
        hasShownPassword: true,
        expected: found,
      })
      const opened = factor && (await open(factor))
      if (opened === 'PASSWORD_CHANGED') throw new AuthError('INVALID_TOKEN')
      if (opened && opened !== 'FACTOR_MISSING') return opened
      onWrong()
      await recordEvent(db, 'factor_failed', user.id, client)
      throw new AuthError('INVALID_CREDENTIALS')
    })

    /** One statement, and a transaction only if more than a session comes of it. */
    function open({ onUsed, ...factor }: FactorUse) {
      const proof = { passwordHash: user.password, factor: { ...factor, challenge } }
      const session = { account: user, proof, transport, client, formerSessionId }
      if (!onUsed) return openSession(db, session)
      const opening = db.transaction(async (tx) => {
        const opened = await openSession(tx, session)
        if (typeof opened !== 'string') await onUsed(tx, user, client, opened.session.id)
        return opened
      })
      // The link of a recovery ends the other sessions.
      return opening.finally(() => sessionCache.evict(user.id))
    }
  })
}
