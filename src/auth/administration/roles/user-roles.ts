import { isDeepStrictEqual } from 'node:util'
import { eq, inArray, sql } from 'drizzle-orm'
import type { Act, Administrator } from '../../../contract/administrator.ts'
import { ADMIN_ROLE, ALL_PERMISSIONS } from '../../../contract/permissions.ts'
import type { Executor } from '../../../db/client.ts'
import { LOCKS } from '../../../db/locks.ts'
import { roles as table, type UserRow, users } from '../../../db/schema/users.ts'
import { AuthError, invalid } from '../../../errors.ts'
import { recordAdministration, toDetails } from '../../events/administration-events.ts'
import { keepOneAdministrator } from './last-administrator.ts'

/** Access tokens carry the roles, so there are not many. */
export const MAX_ROLES = 8

/**
 * Gives a user these roles and no others. Call it after the row was locked. Older access tokens are refused as expired.
 * @throws `INVALID_INPUT` for a role that does not exist, `FORBIDDEN` if the administrator does not hold what a given, taken
 * or moved role allows, or if this is the last administrator
 */
export async function setRoles(tx: Executor, user: UserRow, roles: string[], act: Act) {
  if (roles.length > MAX_ROLES) throw invalid('roles', `Must have at most ${MAX_ROLES} items.`)
  const given = roles.filter((name) => !user.roles.includes(name))
  const taken = user.roles.filter((name) => !roles.includes(name))
  const kept = user.roles.filter((name) => roles.includes(name))
  // The first role can be the only one that another service reads, so the order of roles gives rights too.
  const ordered = isDeepStrictEqual(roles, [...kept, ...given]) ? [] : roles
  const permissions = await readPermissions(tx, [...given, ...taken, ...ordered])
  const unknown = given.findIndex((name) => !permissions.has(name))
  if (unknown !== -1) throw invalid('roles', 'Has a role that does not exist.')
  requireAll(act.administrator, [...permissions.values()].flat())
  // Other services may read the name of a role as a permission, as they may read a claim.
  if (given.length + ordered.length > 0 && user.id === act.administrator.userId)
    requireAll(act.administrator, [ALL_PERMISSIONS])
  if (taken.includes(ADMIN_ROLE)) await keepOneAdministrator(tx, user)
  const [changed] = await tx.update(users).set({ roles }).where(eq(users.id, user.id)).returning()
  if (!changed) throw new AuthError('NOT_FOUND')
  for (const detail of toDetails({ given, taken, ordered })) {
    await recordAdministration(tx, 'roles_changed', { userId: user.id, detail }, act)
  }
  return changed
}

/**
 * Keeps every role until the end of the transaction. Call it before an account is locked whose roles may change: `removeRole`
 * locks first the role and then its holders, so the two would wait for each other.
 */
export const keepRoles = (tx: Executor) =>
  tx.execute(sql`select pg_advisory_xact_lock_shared(${LOCKS.roles})`)

/** Locked, so that no role is removed or gets more permissions before this transaction ends. */
async function readPermissions(tx: Executor, names: string[]) {
  const stored = names.filter((name) => name !== ADMIN_ROLE)
  const rows = stored.length
    ? await tx.select().from(table).where(inArray(table.name, stored)).orderBy(table.name).for('share')
    : []
  const all = new Map(rows.map(({ name, permissions }) => [name, permissions]))
  if (names.includes(ADMIN_ROLE)) all.set(ADMIN_ROLE, [ALL_PERMISSIONS])
  return all
}

/** An administrator gives only what it holds. @throws `FORBIDDEN` with the first permission that is missing */
export function requireAll({ holds }: Administrator, permissions: string[]) {
  const permission = permissions.find((one) => !holds(one))
  if (permission !== undefined) throw new AuthError('FORBIDDEN', { permission })
}
