import { and, isNull, ne, not, sql } from 'drizzle-orm'
import { ADMIN_ROLE } from '../../../contract/permissions.ts'
import type { Executor } from '../../../db/client.ts'
import { LOCKS } from '../../../db/locks.ts'
import { type UserRow, users } from '../../../db/schema/users.ts'
import { AuthError } from '../../../errors.ts'
import { hasRole } from './roles.ts'

/** Created by an administrator or an invitation, and its user has never set a password. */
const isUnclaimed = sql`(not ${users.emailVerified} and ${users.passwordLockedAt} is not null)`

/**
 * Call it before an account loses the role `admin`, is disabled or is deleted, after its row was locked. Of concurrent
 * changes, one waits here for the end of the other. @throws `FORBIDDEN` if it is the last administrator
 */
export async function keepOneAdministrator(tx: Executor, { id, roles }: Pick<UserRow, 'id' | 'roles'>) {
  if (!roles.includes(ADMIN_ROLE)) return
  await tx.execute(sql`select pg_advisory_xact_lock(${LOCKS.administrators})`)
  const [other] = await tx
    .select({ id: users.id })
    .from(users)
    .where(and(hasRole(ADMIN_ROLE), isNull(users.disabledAt), not(isUnclaimed), ne(users.id, id)))
    .limit(1)
  if (!other) throw new AuthError('FORBIDDEN', { detail: LAST_ADMINISTRATOR })
}

const LAST_ADMINISTRATOR = 'This is the last administrator. Give the role admin to another user first.'
