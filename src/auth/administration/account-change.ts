import { eq, type SQL } from 'drizzle-orm'
import type { Act } from '../../contract/administrator.ts'
import { toManagedUser } from '../../contract/outputs/administration/managed-user.ts'
import { isOfThisServer } from '../../contract/permissions.ts'
import type { Executor } from '../../db/client.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { permissionsOf, type Roles } from './roles/roles.ts'
import { keepRoles, requireAll } from './roles/user-roles.ts'

export type AccountWork<T> = (tx: Executor, user: UserRow, act: Act) => Promise<T>

/** Locks an account for a change. A concurrent sign-in either waits, or its session is already visible. */
export async function lockAccount(tx: Executor, isAccount: SQL) {
  await keepRoles(tx)
  const [user] = await tx.select().from(users).where(isAccount).for('update')
  return user
}

/**
 * An administrator changes no account that may administer more than it does itself. Call it after the lock.
 * @throws `FORBIDDEN`, or `UNAUTHENTICATED` if the administrator may do nothing any more
 */
export async function assertMayChange(
  tx: Executor,
  { administrator }: Act,
  user: Pick<UserRow, 'roles'>,
  roles: Roles,
) {
  await administrator.assertCurrent(tx)
  requireAll(administrator, permissionsOf(user.roles, await roles.listWithin(tx)).filter(isOfThisServer))
}

/** Every change of one account by an administrator or an operator runs inside this. */
export function createAccountChange({
  db,
  roles,
  sessionCache,
}: Pick<Dependencies, 'db' | 'roles' | 'sessionCache'>) {
  /**
   * @returns the account after the change, and what `work` returned
   * @throws `NOT_FOUND`, `FORBIDDEN`
   */
  return async function changeAccount<T>(isAccount: SQL, act: Act, work: AccountWork<T>) {
    const changed = await db.transaction(async (tx) => {
      const user = await lockAccount(tx, isAccount)
      if (!user) throw new AuthError('NOT_FOUND')
      await assertMayChange(tx, act, user, roles)
      const result = await work(tx, user, act)
      const [row] = await tx.select().from(users).where(eq(users.id, user.id))
      return { result, user: toManagedUser(row ?? user) }
    })
    sessionCache.evict(changed.user.id)
    return changed
  }
}
