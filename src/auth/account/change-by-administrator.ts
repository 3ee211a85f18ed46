import { and, eq, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { verifications } from '../../db/schema/mailed-tokens.ts'
import { roles, type UserRow, users } from '../../db/schema/users.ts'

/**
 * Whether an administrator has started this change, and no session. The trigger that ends the change of a session clears
 * the address too. The administrator held all that the account might do then, so the change ends with those roles and
 * claims. Otherwise the reader of the new mailbox would get what the account is given later.
 */
export async function isChangeByAdministrator(tx: Executor, user: UserRow, newEmail: string) {
  if (user.pendingEmail !== newEmail || user.pendingSessionId !== null) return false
  const ofAccount = sql`${roles.name} = any(${users.roles})`
  const changedAt = sql`greatest(${users.claimsChangedAt}, (select max(${roles.changedAt}) from ${roles} where ${ofAccount}))`
  // The time of a change of claims is cut to milliseconds.
  const isAfterChanges = sql`date_trunc('milliseconds', ${verifications.createdAt}) > coalesce(${changedAt}, '-infinity')`
  const [started] = await tx
    .select({ id: verifications.id })
    .from(verifications)
    .innerJoin(users, eq(users.id, verifications.userId))
    .where(
      and(
        eq(verifications.userId, user.id),
        eq(verifications.purpose, 'EMAIL_CHANGE_CANCEL'),
        eq(verifications.value, user.email),
        isAfterChanges,
      ),
    )
    .limit(1)
  return started !== undefined
}
