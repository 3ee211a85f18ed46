import { type Command, InvalidArgumentError } from 'commander'
import { PermissionNames } from '../../contract/fields.ts'
import { JSON_OUTPUT, parseRole } from '../support/arguments.ts'
import type { Output } from '../support/output.ts'
import type { Environment } from '../support/with-core.ts'
import { listRoles, putRole, removeRole } from './roles.ts'

/** The commands about roles, as administrators have them. `user grant` gives a role to a user. */
export function addRoleCommands(program: Command, environment: Environment) {
  const role = program
    .command('role')
    .summary('list, change or remove roles')
    .description('Lists, changes or removes roles. "servauth user grant" gives a role to a user.')
  role
    .command('list')
    .summary('list the roles with their permissions')
    .description('Lists the roles with their permissions, by name.')
    .option(...JSON_OUTPUT)
    .action((options: Output) => listRoles(environment, options))
  role
    .command('put')
    .summary('create a role, or replace its permissions')
    .description(
      'Creates a role, or replaces its permissions. Older access tokens of its holders are refused as expired, so that' +
        ' clients refresh.',
    )
    .argument('<name>', 'the name of the role', parseRole)
    .requiredOption(
      '--permissions <list>',
      'all that it allows, as users:read,events:read; may be empty',
      parsePermissions,
    )
    .option(...JSON_OUTPUT)
    .action((name: string, options: Output & { permissions: string[] }) =>
      putRole(environment, name, options),
    )
  role
    .command('remove')
    .summary('remove a role, and take it from its holders')
    .description('Removes a role, and takes it from its holders.')
    .argument('<name>', 'the name of the role', parseRole)
    .option(...JSON_OUTPUT)
    .action((name: string, options: Output) => removeRole(environment, name, options))
}

function parsePermissions(value: string) {
  const { data, error } = PermissionNames.safeParse(
    value === '' ? [] : value.split(',').map((name) => name.trim()),
  )
  if (data) return data
  throw new InvalidArgumentError(error.issues[0]?.message ?? '')
}
