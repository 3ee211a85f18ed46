import type { Client } from '../../contract/caller.ts'
import type { Dependencies } from '../dependencies.ts'
import type { EndSessionOf } from '../sessions/logout.ts'

type Parts = Pick<Dependencies, 'credentials'> & { endSessionOf: EndSessionOf }

/**
 * Ends the session of an access token or a refresh token (RFC 7009). The token itself authorises this, as it does a
 * logout. An unknown token is no error (section 2.2).
 */
export function createTokenRevocation({ credentials, endSessionOf }: Parts) {
  return async function revokeToken(token: string, client: Client) {
    const sessionId = await credentials.findSessionId(token)
    if (sessionId) await endSessionOf(token, sessionId, client)
  }
}
