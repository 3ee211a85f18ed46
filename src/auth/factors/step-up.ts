import { type Caller, type Identity, identityOf } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { AuthError } from '../../errors.ts'
import { createReauthentication } from '../account/reauthentication.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { lockLiveUser } from '../sessions/live-session.ts'
import { renewSession } from '../sessions/renew-session.ts'
import { endFactorRecovery } from './factor-recovery.ts'
import { type FactorUse, useFactor } from './factor-use.ts'
import { recordProof } from './recent-proof.ts'

/** Proves the password, a factor or both again, within a session. */
export function createStepUp(dependencies: Dependencies) {
  const { db, factorProofs, issueCredentials, passwords, places, refreshTokens, sessionCache, throttle } =
    dependencies
  const reauthentication = createReauthentication(dependencies)

  /** The session gets a new secret and the client a new access token, which carries the proof. */
  return async function stepUp({ password, proof }: InputOf<'stepUp'>, caller: Caller) {
    const { client } = caller
    const identity = await identityOf(caller)
    const { user, session } = identity
    if (password) {
      await passwords.admit(client, () => reauthentication.verifyPassword(identity, password, caller))
    }
    const place = await places.find(user.email, client)
    const stepped = proof
      ? await throttle.attemptFactor({ userId: user.id, place, proof }, client, async () => {
          const factor = await factorProofs.check(user, proof, client, {
            hasShownPassword: Boolean(password),
          })
          const done = factor && (await complete(identity, caller, password, factor))
          if (done) return done
          await recordEvent(db, 'factor_failed', user.id, client)
          throw new AuthError('INVALID_CREDENTIALS')
        })
      : await complete(identity, caller, password)
    if (!stepped) throw new TypeError('A step-up without a factor has no factor to refuse')
    sessionCache.evict(session.id)
    return issueCredentials(stepped, caller)
  }

  /** Null if the factor was used up in the meantime. */
  async function complete(
    identity: Identity,
    { client }: Caller,
    password: string | null | undefined,
    factor?: FactorUse,
  ) {
    const { user, session } = identity
    return db.transaction(async (tx) => {
      const current = await lockLiveUser(tx, identity)
      if (password && current.password !== user.password) throw new AuthError('INVALID_CREDENTIALS')
      if (factor && !(await useFactor(tx, user.id, factor))) return null
      if (factor) await endFactorRecovery(tx, current)
      await factor?.onUsed?.(tx, current, client, session.id)
      const methods = [...(password ? ['pwd'] : []), ...(factor?.amr ?? [])]
      await recordProof(tx, session, methods, factor !== undefined)
      await recordEvent(tx, 'stepped_up', user.id, client)
      return { user: current, ...(await renewSession(tx, session.id, refreshTokens)) }
    })
  }
}
