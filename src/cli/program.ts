import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { version } from '../../package.json' with { type: 'json' }
import { AccountInput, RoleName } from '../contract/fields.ts'
import { SCOPES, type Scope, VERIFIER_SCOPES } from '../contract/service-key.ts'
import { loadEnv } from '../env.ts'
import { hasDataFolder } from '../process/first-run.ts'
import { serve } from '../process/server.ts'
import { createUser, deleteUser, inviteUser, listMails, listUsers, retryMail } from './administration.ts'
import { runDoctor } from './doctor/doctor.ts'
import { addImportCommands } from './import/commands.ts'
import { rotateKeys, showKeys } from './keys.ts'
import { exportTemplates, previewMails } from './mail-files.ts'
import { migrateDatabase } from './migrate.ts'
import { addPasswordCommand } from './passwords/command.ts'
import { createKeyForService, listServiceKeys, revokeServiceKey } from './service-keys.ts'
import { explainError } from './support/command-error.ts'
import type { Environment } from './support/with-service.ts'
import {
  disableUser,
  enableUser,
  grantRole,
  recoverFactor,
  revokeRole,
  showUser,
  signOutUser,
} from './user.ts'
import { createWebhookKey } from './webhook-keys.ts'
import { addWebhookCommands } from './webhooks.ts'

const EXIT_SUCCESS = 0
const EXIT_FAILURE = 1
const EXIT_WRONG_USE = 2

/** Runs the command of the arguments, or the server if there are none. @returns the exit code */
export async function runProgram(args: string[], environment: Environment): Promise<number> {
  try {
    const program = createProgram(environment, await createCommandEnvironment(environment))
    await program.parseAsync(args.length > 0 ? args : ['serve'], { from: 'user' })
    return EXIT_SUCCESS
  } catch (error) {
    // Commander has already printed its message: the help, or what is wrong with the arguments.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_SUCCESS : EXIT_WRONG_USE
    console.error(`\n${explainError(error)}\n`)
    return EXIT_FAILURE
  }
}

function createProgram(serverEnvironment: Environment, commandEnvironment: Environment) {
  const program = new Command('servauth')
    .description('An authentication server. Without a command, it starts the server.')
    .helpCommand('help [command]', 'show help for a command')
    .version(version, '-v, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .configureHelp({ showGlobalOptions: false })
    .showHelpAfterError()
    .exitOverride()
    .addHelpText(
      'after',
      '\nEvery command reads the settings of the server from the environment (see .env.example).' +
        '\nExit codes: 0 success, 1 failure, 2 wrong use.',
    )

  program
    .command('serve')
    .summary('start the server (the default)')
    .description('Migrates the database, then answers requests until SIGTERM or SIGINT.')
    .action(() => serve(loadEnv(serverEnvironment)))

  program
    .command('migrate')
    .summary('migrate the database and show each step')
    .description('Applies the missing migrations. The server does the same when it starts.')
    .action(() => migrateDatabase(commandEnvironment))

  program
    .command('doctor')
    .summary('check settings, database, mail, clock and keys')
    .description(
      'Checks each part of the server and gives advice on what is bad. Changes nothing. Fails if anything is bad.',
    )
    .option('--mail-to <address>', 'send a test mail to this address', parseAddress)
    .action((options: { mailTo?: string }) => runDoctor(commandEnvironment, options))

  const keys = program
    .command('keys')
    .summary('show or rotate the keys that sign access tokens')
    .description('Shows or rotates the keys that sign access tokens.')
  keys
    .command('show')
    .summary('list the keys, which of them signs, and how long each stays public')
    .description('Lists the keys, which of them signs, and how long each stays public.')
    .action(() => showKeys(commandEnvironment))
  keys
    .command('rotate')
    .summary('create a new key, which signs once all services can have it')
    .description(
      'Creates a new key. It is published now, and signs once all services that verify access tokens can have it.' +
        ' The old key stays public until its last token has expired. No user is signed out, and no restart is needed.',
    )
    .action(() => rotateKeys(commandEnvironment))

  const serviceKey = program
    .command('service-key')
    .summary('create, list or revoke the keys of other services')
    .description('Creates, lists or revokes the keys of other services.')
  serviceKey
    .command('create')
    .summary('create a key, which is shown once')
    .description(
      'Creates a key for a service. It is shown once; the database keeps its hash. Without --scopes, the service can' +
        ' introspect tokens and listen to the feed of revocations.',
    )
    .argument('<name>', 'the name of the service', parseServiceName)
    .option('--scopes <scopes>', `what the service may do: ${SCOPES.join(',')}`, parseScopes, VERIFIER_SCOPES)
    .option('--expires <date>', 'when the key stops working, as 2027-12-31 (UTC)', parseFutureDate)
    .option('--setting', 'do not use the database; print an entry for SERVICE_KEYS instead')
    .action((name: string, options) => createKeyForService(commandEnvironment, name, options))
  serviceKey
    .command('list')
    .summary('list the keys, their scopes and their last use')
    .description(
      'Lists the keys, their scopes and their last use. Those of SERVICE_KEYS are not in the database.',
    )
    .action(() => listServiceKeys(commandEnvironment))
  serviceKey
    .command('revoke')
    .summary('revoke a key')
    .description(
      'Revokes a key. Every server refuses it at once, and ends the streams that were opened with it.',
    )
    .argument('<id>', 'the id of the key, from the list', parseId)
    .action((id: string) => revokeServiceKey(commandEnvironment, id))

  program
    .command('webhook-key')
    .summary('create secrets for webhooks')
    .description('Creates secrets for webhooks.')
    .command('create')
    .summary('create a secret, which is shown once')
    .description(
      'Creates a secret for WEBHOOK_SECRETS. With --public, receivers verify with a public key (v1a), otherwise with the' +
        ' same secret (v1). It is stored nowhere.',
    )
    .option('--public', 'create an Ed25519 key, whose public half receivers verify with')
    .action((options: { public?: true }) => createWebhookKey(options))

  const mail = program
    .command('mail')
    .summary('look at the mails, and write them in your own words')
    .description('Shows the mails that users get, and how to change their words.')
  mail
    .command('preview')
    .summary('render every mail in every language into a folder')
    .description('Renders every mail in every language into a folder, with MAIL_TEMPLATES if it is set.')
    .argument('<folder>', 'a folder that is new or empty')
    .action((folder: string) => previewMails(commandEnvironment, folder))
  mail
    .command('templates')
    .summary('write the templates of all mails into a folder')
    .description(
      'Writes the templates of all mails into a folder, where you can change them for MAIL_TEMPLATES.',
    )
    .argument('<folder>', 'a folder that is new or empty')
    .action((folder: string) => exportTemplates(commandEnvironment, folder))

  const user = program
    .command('user')
    .summary('show or change the account of a user')
    .description('Shows or changes the account of a user, by its e-mail address.')
  for (const [name, summary, action] of [
    ['show', 'show the account and its latest events', showUser],
    ['disable', 'end all sessions and mailed tokens, and refuse to sign the user in', disableUser],
    ['enable', 'let a disabled user sign in again', enableUser],
    ['sign-out', 'end all sessions', signOutUser],
    ['recover-factor', 'start to replace lost second factors, which takes 72 hours', recoverFactor],
  ] as const) {
    user
      .command(name)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .summary(summary)
      .argument('<address>', 'the e-mail address of the account', parseAddress)
      .action((address: string) => action(commandEnvironment, address))
  }

  for (const [name, summary, action] of [
    ['grant', 'give a role to the user, for example admin', grantRole],
    ['revoke', 'take a role from the user', revokeRole],
  ] as const) {
    user
      .command(name)
      .description(
        `${summary[0]?.toUpperCase()}${summary.slice(1)}. Older access tokens are refused as expired, so that clients refresh.`,
      )
      .summary(summary)
      .argument('<address>', 'the e-mail address of the account', parseAddress)
      .argument('<role>', 'the name of the role', parseRole)
      .action((address: string, role: string) => action(commandEnvironment, address, role))
  }

  const limit = ['--limit <rows>', 'how many at most', parseLimit, 100] as const
  const json = ['--json', 'print the result as JSON'] as const
  const roles = [
    '--role <name>',
    'a role that the user gets; may be repeated',
    collectRoles,
    [] as string[],
  ] as const
  user
    .command('list')
    .description('Lists users, the newest first.')
    .option('--search <text>', 'only those whose address or user name begins with this')
    .option('--role <name>', 'only those with this role', parseRole)
    .option('--disabled', 'only those that are disabled')
    .option(...limit)
    .option(...json)
    .action((options) => listUsers(commandEnvironment, options))
  user
    .command('create')
    .description('Creates an account without a password. Its mailbox gets a link that sets one.')
    .argument('<address>', 'the e-mail address of the account', parseAddress)
    .option('--username <name>', 'the user name')
    .option(...roles)
    .option(...json)
    .action((address: string, options) => createUser(commandEnvironment, address, options))
  user
    .command('invite')
    .description('Invites a person by mail. An invitation that was not accepted is mailed again.')
    .argument('<address>', 'the e-mail address of the account', parseAddress)
    .option(...roles)
    .option(...json)
    .action((address: string, options) => inviteUser(commandEnvironment, address, options))
  user
    .command('delete')
    .description('Deletes the account and everything that belongs to it.')
    .argument('<address>', 'the e-mail address of the account', parseAddress)
    .option(...json)
    .action((address: string, options) => deleteUser(commandEnvironment, address, options))

  mail
    .command('list')
    .description('Lists the mails of the outbox, the newest first, and why they failed.')
    .option('--failed', 'only those that were given up')
    .option(...limit)
    .option(...json)
    .action((options) => listMails(commandEnvironment, options))
  mail
    .command('retry')
    .description('Sends a failed mail again.')
    .argument('<id>', 'the id of the mail, from the list', parseMailId)
    .option(...json)
    .action((id: string, options) => retryMail(commandEnvironment, id, options))

  addPasswordCommand(program)
  addImportCommands(program, commandEnvironment)
  addWebhookCommands(program, commandEnvironment)
  return program
}

/** In the folder of a development server, commands use its database, unless the environment names another. */
async function createCommandEnvironment(environment: Environment): Promise<Environment> {
  const isExplicit = environment.NODE_ENV || environment.DATABASE_URL
  return !isExplicit && (await hasDataFolder()) ? { ...environment, NODE_ENV: 'development' } : environment
}

function parseAddress(value: string) {
  const { data } = AccountInput.safeParse({ email: value })
  if (!data) throw new InvalidArgumentError('It must be an e-mail address.')
  return data.email
}

function parseMailId(value: string) {
  if (z.guid().safeParse(value).success) return value
  throw new InvalidArgumentError('It must be the id of a mail, from "servauth mail list".')
}

function parseLimit(value: string) {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value)
  throw new InvalidArgumentError('It must be a whole number from 1 to 999999.')
}

const collectRoles = (value: string, earlier: string[]) => [...earlier, parseRole(value)]

function parseRole(value: string) {
  if (RoleName.safeParse(value).success) return value
  throw new InvalidArgumentError('It must be the name of a role.')
}

function parseServiceName(value: string) {
  if (/^[\w.-]{1,40}$/.test(value)) return value
  throw new InvalidArgumentError('It must have at most 40 letters, digits and . _ -')
}

function parseScopes(value: string): Scope[] {
  const scopes = value.split(',').map((scope) => scope.trim())
  if (scopes.every((scope) => SCOPES.includes(scope as Scope))) return [...new Set(scopes as Scope[])]
  throw new InvalidArgumentError(`They must be some of ${SCOPES.join(', ')}, separated by commas.`)
}

function parseFutureDate(value: string) {
  const date = new Date(value)
  if (/^\d{4}-\d\d-\d\d/.test(value) && date.getTime() > Date.now()) return date
  throw new InvalidArgumentError('It must be a date in the future, as 2027-12-31.')
}

function parseId(value: string) {
  if (z.uuid().safeParse(value).success) return value
  throw new InvalidArgumentError('It must be the id of a key, from "servauth service-key list".')
}
