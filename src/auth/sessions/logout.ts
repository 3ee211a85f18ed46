import type { Caller, Client } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { unauthenticated } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { endSession } from './end-session.ts'

export type EndSessionOf = ReturnType<typeof createEndSessionOf>

/** Ends the session of a credential as a logout. A secret from before a password change ends nothing. */
export function createEndSessionOf({ db, refreshTokens, sessionCache }: Dependencies) {
  return async function endSessionOf(credential: string, sessionId: string, client: Client) {
    const lineage = refreshTokens.decode(credential)?.lineage
    await db.transaction(async (tx) => {
      const ended = await endSession(tx, sessionId, { lineage })
      if (ended) await recordEvent(tx, 'logout', ended.userId, client)
    })
    sessionCache.evict(sessionId)
  }
}

/**
 * Ends the session of the presented credential, expired or not; of the cookie, if that credential has none. Also clears
 * the cookie, unless it belongs to another session.
 */
export function createLogout({ credentials, endSessionOf }: Dependencies & { endSessionOf: EndSessionOf }) {
  return async function logout({ refreshToken }: InputOf<'logout'>, caller: Caller) {
    const presented = refreshToken ?? caller.bearer ?? caller.cookie
    if (presented === null) throw unauthenticated('MISSING')
    const { cookie, client } = caller
    const idOfCookie = cookie && (await credentials.findSessionId(cookie))
    const id = await credentials.findSessionId(presented)
    if (id) await endSessionOf(presented, id, client)
    else if (cookie && idOfCookie) await endSessionOf(cookie, idOfCookie, client)
    if (!id || !idOfCookie || id === idOfCookie) caller.forgetSecret()
    return true
  }
}
