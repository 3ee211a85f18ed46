import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { unauthenticated } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { endSession } from './end-session.ts'

/**
 * Ends the session of the presented credential, expired or not; of the cookie, if that credential has none. Also clears
 * the cookie, unless it belongs to another session. A secret from before a password change ends nothing.
 */
export function createLogout({ credentials, db, refreshTokens, sessionCache }: Dependencies) {
  return async function logout({ refreshToken }: InputOf<'logout'>, caller: Caller) {
    const presented = refreshToken ?? caller.bearer ?? caller.cookie
    if (presented === null) throw unauthenticated('MISSING')
    const cookieSessionId = caller.cookie && (await credentials.findSessionId(caller.cookie))
    const presentedSessionId = await credentials.findSessionId(presented)
    const sessionId = presentedSessionId ?? cookieSessionId
    if (sessionId) {
      const lineage = refreshTokens.decode((presentedSessionId ? presented : caller.cookie) ?? '')?.lineage
      await db.transaction(async (tx) => {
        const ended = await endSession(tx, sessionId, { lineage })
        if (ended) await recordEvent(tx, 'logout', ended.userId, caller.client)
      })
      sessionCache.evict(sessionId)
    }
    if (!cookieSessionId || cookieSessionId === sessionId) caller.forgetSecret()
    return true
  }
}
