import { eq, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { places as placesTable, type UserRow, users } from '../../db/schema.ts'
import type { Dependencies } from '../dependencies.ts'
import { endMailedTokens } from '../mailing/mailed-tokens.ts'
import { endSessions } from '../sessions/end-session.ts'

type Recovery = {
  user: UserRow
  /** The address that the account has from now on, and that its owner's mailbox has proven. */
  email: string
  /** The hash of a new password; without it the password is locked and a mail leads to a new one. */
  passwordHash: string | undefined
  client: Client
}

/**
 * Takes an account out of the hands of someone who knows its password: all sessions end, the password no longer works,
 * and what was set up is void. Works on a locked user.
 */
export async function recoverAccount(
  tx: Executor,
  { outbox, places }: Pick<Dependencies, 'outbox' | 'places'>,
  { user, email, passwordHash, client }: Recovery,
) {
  const password = passwordHash
    ? { password: passwordHash, passwordLockedAt: null }
    : { passwordLockedAt: sql`now()` }
  await endSessions(tx, user.id)
  await endMailedTokens(tx, user)
  await tx
    .update(users)
    .set({ email, emailVerified: true, pendingEmail: null, pendingSessionId: null, ...password })
    .where(eq(users.id, user.id))
  // The taker may have come before the change that the owner noticed. So only the owner's place is known from now on.
  await tx.delete(placesTable).where(eq(placesTable.userId, user.id))
  await places.add(tx, user.id, client)
  if (!passwordHash) await outbox.add(tx, { kind: 'password-reset', recipient: email, userId: user.id })
}
