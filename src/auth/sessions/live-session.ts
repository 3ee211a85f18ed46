import { eq, getTableColumns } from 'drizzle-orm'
import type { Identity } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { users } from '../../db/schema/users.ts'
import { unauthenticated } from '../../errors.ts'
import { secondsSinceClaims } from '../keys/token-claims.ts'

/**
 * Locks the caller's account and checks again that it and the session exist, because both may have changed since the
 * caller was identified. A single statement would not do: after its wait for the lock it would still see the session in
 * its old snapshot.
 */
export async function lockLiveUser(tx: Executor, { user, session }: Identity) {
  const [[current], [live]] = await Promise.all([
    tx
      .select({ ...getTableColumns(users), secondsSinceClaims })
      .from(users)
      .where(eq(users.id, user.id))
      .for('update'),
    tx.select({ id: sessions.id }).from(sessions).where(eq(sessions.id, session.id)),
  ])
  if (!current || !live) throw unauthenticated('REVOKED')
  return current
}
