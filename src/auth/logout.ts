import { unauthenticated } from '../errors.ts'
import type { Caller } from './caller.ts'
import type { Core } from './core.ts'
import { endSession } from './end-session.ts'
import { record } from './events.ts'
import type { LogoutInput } from './inputs.ts'

/**
 * Ends the session that the credential names, expired or not; one that names none has nothing left
 * to end, and then the cookie is looked at. The cookie goes too, unless it is another session's.
 */
export function createLogout({ credentials, db, sessionCache }: Core) {
  return async function logout({ refreshToken }: LogoutInput, caller: Caller) {
    const presented = refreshToken ?? caller.bearer ?? caller.cookie
    if (presented === null) throw unauthenticated('MISSING')
    const inCookie = caller.cookie && (await credentials.sessionNamedBy(caller.cookie))
    const named = (await credentials.sessionNamedBy(presented)) ?? inCookie
    if (named) {
      await db.transaction(async (tx) => {
        const ended = await endSession(tx, named)
        if (ended) await record(tx, 'logout', ended.userId, caller.client)
      })
      sessionCache.forget(named)
    }
    if (!inCookie || inCookie === named) caller.forgetSecret()
    return true
  }
}
