import { eq } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { sessions } from '../../db/schema.ts'
import { unauthenticated } from '../../errors.ts'
import { digest } from '../keys/sealed-tokens.ts'
import type { RefreshTokens } from './refresh-tokens.ts'

/**
 * Gives a session a new secret of a new lineage, so that whoever holds the old one is out at once
 * and without a grace. @throws `UNAUTHENTICATED` when the session has ended meanwhile.
 */
export async function renewSession(executor: Executor, id: string, refreshTokens: RefreshTokens) {
  const { lineage, token } = refreshTokens.begin(id)
  const [session] = await executor
    .update(sessions)
    .set({ lineage, token: digest(token), previousToken: null, rotatedAt: null })
    .where(eq(sessions.id, id))
    .returning()
  if (!session) throw unauthenticated('REVOKED')
  return { session, secret: token }
}
