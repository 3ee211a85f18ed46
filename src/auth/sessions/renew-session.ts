import { eq } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { type SessionRow, sessions } from '../../db/schema/sessions.ts'
import { unauthenticated } from '../../errors.ts'
import { digest } from '../keys/sealed-tokens.ts'
import type { RefreshTokens } from './refresh-tokens.ts'

/**
 * Gives a session a new lineage and a new secret. The old secret stops working immediately, without a grace period.
 * @throws `UNAUTHENTICATED` if the session has ended in the meantime
 */
export async function renewSession(executor: Executor, id: string, refreshTokens: RefreshTokens) {
  const { lineage, token } = refreshTokens.startLineage(id)
  const [session] = await executor
    .update(sessions)
    .set({ lineage, token: digest(token), previousToken: null, rotatedAt: null, tokenUsedAt: null })
    .where(eq(sessions.id, id))
    .returning()
  if (!session) throw unauthenticated('REVOKED')
  return { session, secret: token }
}

/**
 * The same for an operation whose answer cannot carry a secret: only a cookie is renewed. A `TOKEN` session keeps its secret
 * until its next rotation.
 * @returns the new secret, for the cookie
 */
export async function renewCookie(
  executor: Executor,
  { id, transport }: Pick<SessionRow, 'id' | 'transport'>,
  refreshTokens: RefreshTokens,
) {
  return transport === 'COOKIE' ? (await renewSession(executor, id, refreshTokens)).secret : undefined
}
