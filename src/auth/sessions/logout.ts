import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { unauthenticated } from '../../errors.ts'
import type { Core } from '../core.ts'
import { recordEvent } from '../events/events.ts'
import { endSession } from './end-session.ts'

/**
 * Ends the session that the credential names, expired or not; one that names none has nothing left
 * to end, and then the cookie is looked at. The cookie goes too, unless it is another session's.
 * A secret of an older lineage is dead, like the password that it goes back to, and ends nothing.
 */
export function createLogout({ credentials, db, refreshTokens, sessionCache }: Core) {
  return async function logout({ refreshToken }: InputOf<'logout'>, caller: Caller) {
    const presented = refreshToken ?? caller.bearer ?? caller.cookie
    if (presented === null) throw unauthenticated('MISSING')
    const inCookie = caller.cookie && (await credentials.sessionNamedBy(caller.cookie))
    const ofPresented = await credentials.sessionNamedBy(presented)
    const named = ofPresented ?? inCookie
    if (named) {
      const lineage = refreshTokens.decode((ofPresented ? presented : caller.cookie) ?? '')?.lineage
      await db.transaction(async (tx) => {
        const ended = await endSession(tx, named, { lineage })
        if (ended) await recordEvent(tx, 'logout', ended.userId, caller.client)
      })
      sessionCache.forget(named)
    }
    if (!inCookie || inCookie === named) caller.forgetSecret()
    return true
  }
}
