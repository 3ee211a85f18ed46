import { eq } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { places } from '../../db/schema/throttle.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { voidFactors } from '../factors/stored-factors.ts'
import { endAllMailedTokens } from '../mailing/end-tokens.ts'
import { endSessions } from '../sessions/end-session.ts'

/**
 * Ends all that was set up for a locked account before its mailbox was proven, with its sessions: it may be a stranger's.
 * The caller sets the password.
 */
export async function voidSetUp(tx: Executor, user: UserRow) {
  await endSessions(tx, user.id)
  await endAllMailedTokens(tx, user)
  await voidFactors(tx, user.id)
  await tx.delete(places).where(eq(places.userId, user.id))
  await tx.update(users).set({ username: null, factorRecoveryAt: null }).where(eq(users.id, user.id))
}
