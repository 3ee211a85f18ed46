import type { Role } from '../../contract/outputs/role.ts'
import { ADMIN_ROLE, ALL_PERMISSIONS } from '../../contract/permissions.ts'
import type { Roles } from './roles.ts'

const ADMIN: Role = { name: ADMIN_ROLE, permissions: [ALL_PERMISSIONS], builtIn: true, changedAt: null }

/** Lists the roles, the built-in one among them. */
export function createRoleList({ roles }: { roles: Roles }) {
  return async function listRoles(): Promise<Role[]> {
    const others = [...(await roles.list()).values()]
    const all = [
      ADMIN,
      ...others.map(({ name, permissions, changedAt }) => ({ name, permissions, builtIn: false, changedAt })),
    ]
    return all.sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}
