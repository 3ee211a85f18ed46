import { eq, sql } from 'drizzle-orm'
import type { Act } from '../../../contract/administrator.ts'
import type { InputOf } from '../../../contract/operations.ts'
import type { Role } from '../../../contract/outputs/administration/role.ts'
import { ADMIN_ROLE } from '../../../contract/permissions.ts'
import type { Executor } from '../../../db/client.ts'
import { LOCKS } from '../../../db/locks.ts'
import { roles as table, users } from '../../../db/schema/users.ts'
import { AuthError, invalid } from '../../../errors.ts'
import type { Dependencies } from '../../dependencies.ts'
import { recordAdministration, toDetails } from '../../events/administration-events.ts'
import { hasRole } from './roles.ts'
import { requireAll } from './user-roles.ts'

/** Of how many holders a role is taken in one transaction. */
export const MAX_HOLDERS = 1000
/** Every replica keeps all roles in memory. */
export const MAX_STORED_ROLES = 1000

/** Creates, changes and removes roles. The triggers of the table refuse the older tokens of their holders. */
export function createRoleChanges({
  db,
  roles,
  sessionCache,
}: Pick<Dependencies, 'db' | 'roles' | 'sessionCache'>) {
  return {
    async putRole({ name, permissions }: InputOf<'putRole'>, act: Act): Promise<Role> {
      refuseBuiltIn(name.toLowerCase())
      const role = await db.transaction(async (tx) => {
        await lockRoles(tx)
        for (;;) {
          const present = await lockRole(tx, name)
          const before = present?.permissions ?? []
          await act.administrator.assertCurrent(tx)
          requireAll(act.administrator, [...permissions, ...before])
          if (!present && (await tx.$count(table)) >= MAX_STORED_ROLES) throw invalid('name', TOO_MANY)
          const [changed] = present
            ? await tx.update(table).set({ permissions }).where(eq(table.name, name)).returning()
            : await tx.insert(table).values({ name, permissions }).onConflictDoNothing().returning()
          // Otherwise another program has created the role meanwhile, and its permissions are checked too.
          if (!changed) continue
          const given = permissions.filter((permission) => !before.includes(permission))
          const taken = before.filter((permission) => !permissions.includes(permission))
          const details = toDetails({ given, taken }, `${name}:`)
          for (const detail of details.length > 0 ? details : [name]) {
            await recordAdministration(tx, 'role_changed', { detail }, act)
          }
          return changed
        }
      })
      roles.forget()
      return { name, permissions, builtIn: false, changedAt: role.changedAt }
    },

    async removeRole({ name }: InputOf<'removeRole'>, act: Act) {
      refuseBuiltIn(name)
      const holders = await db.transaction(async (tx) => {
        await lockRoles(tx)
        const present = await lockRole(tx, name)
        if (!present) throw new AuthError('NOT_FOUND')
        await act.administrator.assertCurrent(tx)
        requireAll(act.administrator, present.permissions)
        const taken = await takeFromAll(tx, name)
        for (const { id } of taken) {
          await recordAdministration(tx, 'roles_changed', { userId: id, detail: `-${name}` }, act)
        }
        await tx.delete(table).where(eq(table.name, name))
        await recordAdministration(tx, 'role_removed', { detail: name }, act)
        return taken
      })
      roles.forget()
      for (const { id } of holders) sessionCache.evict(id)
      return true
    },
  }
}

const TOO_MANY = `There are ${MAX_STORED_ROLES} roles. Remove those that no user has.`

/** A new role is compared in lower case: services may read `Admin` as the built-in role. */
function refuseBuiltIn(name: string) {
  if (name === ADMIN_ROLE) throw invalid('name', 'The built-in role cannot be changed.')
}

/** Before any role is read, so that all of one change is judged by the same roles. See `keepRoles`. */
const lockRoles = (tx: Executor) => tx.execute(sql`select pg_advisory_xact_lock(${LOCKS.roles})`)

async function lockRole(tx: Executor, name: string) {
  const [role] = await tx.select().from(table).where(eq(table.name, name)).for('update')
  return role
}

/** @throws `INVALID_INPUT` if the role has too many holders */
async function takeFromAll(tx: Executor, name: string) {
  const taken = await tx
    .update(users)
    .set({ roles: sql`array_remove(${users.roles}, ${name}::text)` })
    .where(
      sql`${users.id} = any(array(select id from ${users} where ${hasRole(name)}
        order by id limit ${MAX_HOLDERS + 1} for no key update))`,
    )
    .returning({ id: users.id })
  if (taken.length > MAX_HOLDERS) {
    throw invalid('name', `Must have at most ${MAX_HOLDERS} holders. Take it from the others first.`)
  }
  return taken
}
