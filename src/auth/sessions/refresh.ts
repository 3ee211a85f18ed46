import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { unauthenticated } from '../../errors.ts'
import type { Core } from '../core.ts'

/**
 * Exchanges a refresh token, from the input or else the cookie, for a fresh access token and the
 * session's current secret. A secret is good only on the way its session chose.
 */
export function createRefresh({ betterAuth, grant }: Core) {
  return async function refresh({ refreshToken }: InputOf<'refresh'>, caller: Caller) {
    const transport = refreshToken ? 'TOKEN' : 'COOKIE'
    const token = refreshToken ?? caller.cookie
    if (!token) throw unauthenticated(caller.bearer === null ? 'MISSING' : 'INVALID')
    const { token: secret, ...found } = await betterAuth.api.rotateSession({
      body: { token, transport, client: caller.client },
    })
    return grant({ ...found, secret }, caller)
  }
}
