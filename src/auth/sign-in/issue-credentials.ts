import type { Caller } from '../../contract/caller.ts'
import type { AuthPayload } from '../../contract/outputs/auth-payload.ts'
import type { Time } from '../../contract/outputs/fields.ts'
import { toAuthentication, toSession } from '../../contract/outputs/session.ts'
import { toUser, type User } from '../../contract/outputs/user.ts'
import { hasProvenFactor, type RequiredFactor } from '../factors/required-factor.ts'
import type { AccessTokens } from '../keys/access-tokens.ts'
import type { ClaimedUser } from '../keys/token-claims.ts'
import type { ShownSession } from './opening/open-session.ts'

/** `deviceToken`: only after a sign-in. A new account has no `secondFactorAt`. */
type SignIn = {
  user: User & ClaimedUser & { secondFactorAt?: Time | null }
  session: ShownSession
  secret: string
  deviceToken?: string | null
}

/** Issues an access token. The secret of the session goes into the cookie or into the answer, by its transport. */
export function createIssueCredentials(accessTokens: AccessTokens, requiredFactor: RequiredFactor) {
  return async function issueCredentials(
    { user, session, secret, deviceToken }: SignIn,
    caller: Caller,
  ): Promise<AuthPayload> {
    const issued = await accessTokens.issue({
      user,
      sessionId: session.id,
      sessionExpiresAt: session.expiresAt,
      ...toAuthentication(session),
      isForEnrollment: requiredFactor.isMissing({ hasFactor: hasProvenFactor(user, session) }),
    })
    if (session.transport === 'COOKIE') {
      caller.keepSecret(secret)
      if (deviceToken) caller.keepDevice(deviceToken)
    }
    return {
      user: toUser(user),
      session: toSession(session, session.id),
      ...issued,
      refreshToken: session.transport === 'TOKEN' ? secret : null,
    }
  }
}
