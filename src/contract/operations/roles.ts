import { z } from 'zod'
import { PermissionNames, RoleName } from '../fields.ts'
import { administrationMutation, administrationQuery } from '../operation.ts'
import { Role } from '../outputs/administration/role.ts'

const PutRoleInput = z
  .strictObject({ name: RoleName, permissions: PermissionNames })
  .meta({ id: 'PutRoleInput' })

export const roleOperations = {
  roles: administrationQuery({
    summary: 'All roles with their permissions, by name',
    description: 'The built-in role `admin` holds every permission.',
    output: z.array(Role),
    permission: 'roles:read',
    refusals: [],
    rest: { method: 'GET', path: '/auth/admin/roles', status: 200 },
  }),

  putRole: administrationMutation({
    summary: 'Create a role, or replace its permissions',
    description:
      'The caller must hold every permission that the role has or gets. The access tokens of its holders are refused as ' +
      '`EXPIRED`, so that their clients refresh. If there are more than 1,000, other services refuse the tokens of all users.',
    input: PutRoleInput,
    example: { name: 'support', permissions: ['users:read', 'events:read'] },
    output: Role,
    permission: 'roles:write',
    handlesCredential: false,
    refusals: [],
    rest: { method: 'PUT', path: '/auth/admin/roles/:name', status: 200 },
  }),

  removeRole: administrationMutation({
    summary: 'Remove a role, and take it from its holders',
    description:
      'A role with more than 1,000 holders must be taken from them first. The caller must hold every permission of the role.',
    input: z.strictObject({ name: RoleName }),
    output: z.boolean(),
    permission: 'roles:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'DELETE', path: '/auth/admin/roles/:name', status: 204 },
  }),
}
