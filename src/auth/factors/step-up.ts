import { type Caller, identityOf } from '../../contract/caller.ts'
import type { FactorProof } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { Executor } from '../../db/client.ts'
import { AuthError } from '../../errors.ts'
import { createReauthentication } from '../account/reauthentication.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { lockLiveUser } from '../sessions/live-session.ts'
import { renewSession } from '../sessions/renew-session.ts'
import { endFactorRecovery } from './factor-recovery.ts'
import { type FactorUse, useFactor } from './factor-use.ts'
import { recordProof } from './recent-proof.ts'

type LockedUser = Awaited<ReturnType<typeof lockLiveUser>>

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
    const stepped = await (proof ? stepUpByFactor(proof) : stepUpByPassword())
    sessionCache.evict(session.id)
    return issueCredentials(stepped, caller)

    function stepUpByPassword() {
      return db.transaction(async (tx) => renew(tx, await lockUser(tx)))
    }

    async function stepUpByFactor(proof: FactorProof) {
      const place = await places.find(user.email, client)
      return throttle.attemptFactor({ userId: user.id, place, proof }, client, async (onWrong) => {
        const hasShownPassword = Boolean(password)
        const factor = await factorProofs.check(user, proof, client, { hasShownPassword })
        const renewed = factor && (await useUp(factor))
        if (renewed) return renewed
        onWrong()
        await recordEvent(db, 'factor_failed', user.id, client)
        throw new AuthError('INVALID_CREDENTIALS')
      })
    }

    /** Null if another request has used the factor up. */
    function useUp(factor: FactorUse) {
      return db.transaction(async (tx) => {
        const current = await lockUser(tx)
        if (!(await useFactor(tx, user.id, factor))) return null
        await endFactorRecovery(tx, current)
        await factor.onUsed?.(tx, current, client, session.id)
        return renew(tx, current, factor)
      })
    }

    /** @throws `INVALID_CREDENTIALS` if the password has changed since it was verified */
    async function lockUser(tx: Executor) {
      const current = await lockLiveUser(tx, identity)
      if (password && current.password !== user.password) throw new AuthError('INVALID_CREDENTIALS')
      return current
    }

    async function renew(tx: Executor, current: LockedUser, factor?: FactorUse) {
      const methods = [...(password ? ['pwd'] : []), ...(factor?.amr ?? [])]
      await recordProof(tx, session, methods, factor !== undefined)
      await recordEvent(tx, 'stepped_up', user.id, client)
      return { user: current, ...(await renewSession(tx, session.id, refreshTokens)) }
    }
  }
}
