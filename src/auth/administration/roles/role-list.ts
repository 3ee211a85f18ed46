import type { Role } from '../../../contract/outputs/administration/role.ts'
import { ADMIN_ROLE, ALL_PERMISSIONS } from '../../../contract/permissions.ts'
import type { RoleMap, Roles } from './roles.ts'

const ADMIN: Role = { name: ADMIN_ROLE, permissions: [ALL_PERMISSIONS], builtIn: true, changedAt: null }

/** Lists the roles, the built-in one among them. While the roles in memory stay the same, so does the list. */
export function createRoleList({ roles }: { roles: Roles }) {
  let last: { of: RoleMap; list: Role[] } | undefined
  return async function listRoles(): Promise<Role[]> {
    const known = await roles.list()
    if (last?.of !== known) last = { of: known, list: toList(known) }
    return last.list
  }
}

function toList(known: RoleMap): Role[] {
  const others = [...known.values()].map(({ name, permissions, changedAt }) => {
    return { name, permissions, builtIn: false, changedAt }
  })
  return [ADMIN, ...others].sort((a, b) => (a.name < b.name ? -1 : 1))
}
