import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { unauthenticated } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'

/**
 * Exchanges a refresh token, from the input or the cookie, for a new access token and the current secret of the
 * session. The server accepts a secret only over the transport of its session.
 */
export function createRefresh({ betterAuth, issueCredentials }: Dependencies) {
  return async function refresh({ refreshToken }: InputOf<'refresh'>, caller: Caller) {
    const transport = refreshToken ? 'TOKEN' : 'COOKIE'
    const token = refreshToken ?? caller.cookie
    if (!token) throw unauthenticated(caller.bearer === null ? 'MISSING' : 'INVALID')
    const rotated = await betterAuth.rotateSession({ token, transport, client: caller.client })
    return issueCredentials(rotated, caller)
  }
}
