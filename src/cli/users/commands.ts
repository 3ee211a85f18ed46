import { type Command, InvalidArgumentError } from 'commander'
import { Username } from '../../contract/fields.ts'
import { JSON_OUTPUT, LIMIT, parseAddress, parseMoment, parseRole } from '../support/arguments.ts'
import type { Output } from '../support/output.ts'
import type { Environment } from '../support/with-core.ts'
import {
  changeAddress,
  deleteUser,
  disableUser,
  enableUser,
  grantRole,
  recoverFactor,
  removeFactors,
  revokeRole,
  signOutUser,
} from './change.ts'
import { createUser, inviteUser } from './create.ts'
import { listUsers } from './list.ts'
import { showUser } from './show.ts'

const OF_ONE_USER = [
  ['show', 'show the account and its latest events', showUser],
  ['enable', 'let a disabled user sign in again', enableUser],
  ['sign-out', 'end all sessions', signOutUser],
  ['recover-factor', 'start to replace lost second factors, which takes 72 hours', recoverFactor],
  [
    'remove-factors',
    'remove the second factors of a disabled account, with which a taker keeps its owner out',
    removeFactors,
  ],
  ['delete', 'delete the account and everything that belongs to it', deleteUser],
] as const

const OF_A_ROLE = [
  ['grant', 'give a role to the user, for example admin', grantRole],
  ['revoke', 'take a role from the user', revokeRole],
] as const

const AFTER_ROLES = 'Older access tokens are refused as expired, so that clients refresh.'
const ROLES = [
  '--role <name>',
  'a role that the user gets; may be repeated',
  collectRoles,
  [] as string[],
] as const

/** The commands about users: administration for an operator, who needs no role. */
export function addUserCommands(program: Command, environment: Environment) {
  const user = program
    .command('user')
    .summary('show or change the account of a user')
    .description('Shows or changes the account of a user, by its e-mail address.')

  const addCommand = (name: string, summary: string) =>
    user
      .command(name)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .option(...JSON_OUTPUT)
  const addCommandOfAddress = (name: string, summary: string) =>
    addCommand(name, summary).argument('<address>', 'the e-mail address of the account', parseAddress)

  for (const [name, summary, act] of OF_ONE_USER) {
    addCommandOfAddress(name, summary).action((address: string, options: Output) =>
      act(environment, address, options),
    )
  }
  addCommandOfAddress('disable', 'end all sessions and mailed tokens, and refuse to sign the user in')
    .option('--until <time>', 'let the user sign in again after this time', parseMoment)
    .action((address: string, options) => disableUser(environment, address, options))
  addCommandOfAddress('change-address', 'mail a link to another address, which makes it that of the user')
    .argument('<new address>', 'the present address cancels a change', parseAddress)
    .action((address: string, to: string, options: Output) =>
      changeAddress(environment, address, to, options),
    )
  for (const [name, summary, act] of OF_A_ROLE) {
    const command = addCommandOfAddress(name, summary)
    command
      .description(`${command.description()} ${AFTER_ROLES}`)
      .argument('<role>', 'the name of the role', parseRole)
      .action((address: string, role: string, options: Output) => act(environment, address, role, options))
  }
  addCommand('list', 'list users, the newest first')
    .option('--search <text>', 'only those whose address or user name begins with this')
    .option('--role <name>', 'only those with this role', parseRole)
    .option('--disabled', 'only those that are disabled')
    .option(...LIMIT)
    .action((options) => listUsers(environment, options))
  addCommandOfAddress('create', 'create an account without a password, and mail a link that sets one')
    .option('--username <name>', 'the user name', parseUsername)
    .option(...ROLES)
    .action((address: string, options) => createUser(environment, address, options))
  addCommandOfAddress('invite', 'invite a person by mail, also once more')
    .option(...ROLES)
    .action((address: string, options) => inviteUser(environment, address, options))
}

function collectRoles(value: string, earlier: string[]) {
  return [...earlier, parseRole(value)]
}

function parseUsername(value: string) {
  const { data } = Username.safeParse(value)
  if (data === undefined) throw new InvalidArgumentError('It must have 1 to 100 characters.')
  return data
}
