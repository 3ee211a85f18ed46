import type { Caller } from '../../contract/caller.ts'
import type { AuthPayload } from '../../contract/outputs/auth-payload.ts'
import { toSession } from '../../contract/outputs/session.ts'
import { toUser, type User } from '../../contract/outputs/user.ts'
import type { SessionRow } from '../../db/schema.ts'
import type { AccessTokens } from '../keys/access-tokens.ts'

export type Grant = ReturnType<typeof createGrant>

type SignedIn = { user: User; session: SessionRow; secret: string }

/** What somebody who is signed in gets. The secret goes the session's way: into the cookie, or into the answer. */
export function createGrant(accessTokens: AccessTokens) {
  return async function grant({ user, session, secret }: SignedIn, caller: Caller): Promise<AuthPayload> {
    const issued = await accessTokens.issue({ userId: user.id, sessionId: session.id })
    if (session.transport === 'COOKIE') caller.keepSecret(secret)
    return {
      user: toUser(user),
      session: toSession(session, session.id),
      ...issued,
      refreshToken: session.transport === 'TOKEN' ? secret : null,
    }
  }
}
