import { type Command, CommanderError, Option } from 'commander'
import { explainFault } from '../../db/database-fault.ts'
import { isConnectionFault } from '../../db/fault-kinds.ts'
import { ConnectionStringError, completeConnectionString } from '../../libpq/connection-string.ts'
import { CommandError } from '../support/command-error.ts'
import { readSmallFile } from '../support/small-file.ts'
import type { Environment } from '../support/with-core.ts'
import { type ImportCommandOptions, importAccountsOf } from './import.ts'
import type { Source } from './sources/source.ts'

const REPEATABLE =
  'An account that exists here stays unchanged, so the import may be stopped and repeated. Sessions are not imported:' +
  ' every user must sign in again.'
const PEPPER =
  'Devise hashes the password together with config.pepper, if it is set. Servauth does not keep the pepper of another' +
  ' program, so it cannot check such hashes. Look into config/initializers/devise.rb. Without a pepper, say --no-pepper.' +
  ' With one, say --without-hashes: the users then set a password by mail.'

/** The commands that import accounts: one for each source. What reads a source is loaded only for its command. */
export function addImportCommands(program: Command, environment: Environment) {
  const root = program
    .command('import')
    .summary('import accounts from another system')
    .description(`Imports accounts from another system. ${REPEATABLE}`)

  for (const format of ['csv', 'json'] as const) {
    addFileCommand(root, format, `import users of ${format.toUpperCase()} files`)
      .option('--columns <list>', 'where the fields are, as email=mail,password=digest')
      .option('--mapping <file>', 'the same in a file with an object of JSON')
      .action((files: string[], { columns, mapping, ...options }) =>
        run(options, [...files, mapping], async () => {
          const { openColumns, parseColumns, readMapping } = await import('./sources/columns.ts')
          const given = {
            ...(mapping && (await readMapping(mapping))),
            ...(columns && parseColumns(columns)),
          }
          return openColumns(format, files, given)
        }),
      )
  }
  addGrantOptions(addFileCommand(root, 'auth0', 'import the export of users of Auth0'))
    .option('--hashes <file>', 'the file of password hashes that the support of Auth0 makes')
    .action((files: string[], { hashes, ...options }) =>
      run(options, [...files, hashes], async () =>
        (await import('./sources/auth0.ts')).openAuth0(files, hashes),
      ),
    )
  addGrantOptions(addFileCommand(root, 'firebase', 'import users of "firebase auth:export"'))
    .option('--hash-config <file>', 'a file with the hash parameters of the project')
    .action((files: string[], { hashConfig, ...options }) =>
      run(options, [...files, hashConfig], async () =>
        (await import('./sources/firebase.ts')).openFirebase(files, hashConfig),
      ),
    )
  addPasskeyOption(
    addGrantOptions(addFileCommand(root, 'keycloak', 'import users of "kc.sh export"')),
  ).action((files: string[], options) =>
    run(options, files, async () => (await import('./sources/keycloak.ts')).openKeycloak(files)),
  )
  addGrantOptions(
    addFileCommand(root, 'django', 'import the table auth_user as CSV, or "manage.py dumpdata auth.user"'),
  ).action((files: string[], options) =>
    run(options, files, async () => (await import('./sources/django.ts')).openDjango(files)),
  )
  addGrantOptions(addFileCommand(root, 'devise', 'import the table of users of Devise as CSV'))
    .option('--no-pepper', 'config.pepper of Devise is not set')
    .action((files: string[], { pepper, ...options }) =>
      run(options, files, async () => {
        if (pepper && !options.withoutHashes) throw new CommandError(PEPPER)
        return (await import('./sources/devise.ts')).openDevise(files)
      }),
    )
  addPasskeyOption(
    addDatabaseCommand(root, 'supabase', 'import the users of a Supabase database', async (url) =>
      (await import('./sources/supabase.ts')).openSupabase(url),
    ),
  )
  addDatabaseCommand(root, 'better-auth', 'import the users of a Better-Auth database', async (url) =>
    (await import('./sources/better-auth.ts')).openBetterAuth(url, await readSecret(environment)),
  )

  const secretFiles = [environment.IMPORT_URL_FILE, environment.IMPORT_SECRET_FILE]

  function addDatabaseCommand(
    parent: Command,
    name: string,
    summary: string,
    openSource: (url: string) => Promise<Source>,
  ) {
    return addGrantOptions(addOptions(parent.command(name).summary(summary)))
      .description(
        `${capitalize(summary)}. The URL of the database is in IMPORT_URL, or in the file of IMPORT_URL_FILE.` +
          ` The command only reads it. ${REPEATABLE}`,
      )
      .argument('[url]', 'no URL: arguments are visible to other users of this machine', refuseUrl)
      .action((_url: undefined, options: ImportCommandOptions) =>
        run(options, secretFiles, async () => openSource(await readUrl(environment)).catch(refuseSource)),
      )
  }

  const run = (
    options: ImportCommandOptions,
    inputs: (string | undefined)[],
    openSource: () => Promise<Source>,
  ) => importAccountsOf(environment, inputs, openSource, options)
}

function addFileCommand(parent: Command, name: string, summary: string) {
  return addOptions(parent.command(name).summary(summary))
    .description(`${capitalize(summary)}. ${REPEATABLE}`)
    .argument('<file...>', 'the files of the export')
}

const addOptions = (command: Command) =>
  command
    .option('--dry-run', 'show which accounts would be imported and which not, but change nothing')
    .option('--map <file>', 'write a CSV file: old id, new id, address and outcome of each account')
    .option('--verified', 'take all addresses as verified')
    .option('--wrap', 'put Argon2id over hashes of other kinds at once')
    .option('--without-hashes', 'leave the passwords out: the users set one by mail')
    .addOption(
      new Option('--passwordless <what>', 'what happens to accounts without a password').choices([
        'import',
        'skip',
      ]),
    )

/** Of sources whose roles and claims are known. Roles of another system must not give permissions here by accident. */
const addGrantOptions = (command: Command) =>
  command
    .option('--roles <list>', 'roles there that become roles here, as editors=editor,support')
    .option('--claims <list>', 'claims there that become claims here, as plan,org=tenant')

/** Of sources that have passkeys. */
const addPasskeyOption = (command: Command) =>
  command.option('--passkeys <domain>', 'the domain of the passkeys there, or none to leave them out')

const capitalize = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

/** Commander's own message would repeat the URL with its password. */
function refuseUrl(): never {
  throw new CommandError(
    'Put the URL of the database into IMPORT_URL or into the file of IMPORT_URL_FILE: arguments are visible to other users of this machine.',
  )
}

const SOURCE = 'The database of IMPORT_URL'

/** So that it is not taken for the database of this server. */
function refuseSource(fault: unknown): never {
  const known = isConnectionFault(fault) && explainFault(fault, SOURCE)
  if (known) throw new CommandError(known.message.replaceAll('DATABASE_URL', 'IMPORT_URL'))
  if (!(fault instanceof Error && fault.name === 'PostgresError')) throw fault
  throw new CommandError(`${SOURCE} cannot be used: ${fault.message}.`, { cause: fault })
}

/** A variable, or what is in the file that the variable with `_FILE` names. */
async function readVariable(environment: Environment, name: string) {
  const file = environment[`${name}_FILE`]
  return environment[name] ?? (file ? (await readSmallFile(file)).trim() : undefined)
}

/** With this secret, Better-Auth has encrypted the keys of authenticator apps. */
const readSecret = (environment: Environment) => readVariable(environment, 'IMPORT_SECRET')

async function readUrl(environment: Environment) {
  const text = await readVariable(environment, 'IMPORT_URL')
  if (!text) {
    throw new CommandError(
      'Set IMPORT_URL to the database, as postgres://user:password@host/name, or IMPORT_URL_FILE to a file that holds it.',
    )
  }
  try {
    return completeConnectionString(text, environment)
  } catch (error) {
    if (!(error instanceof ConnectionStringError)) throw error
    for (const fault of error.faults) console.error(`error: ${fault.replace(/^DATABASE_URL/, 'IMPORT_URL')}.`)
    throw new CommanderError(2, 'servauth.invalidUrl', 'The URL is not valid')
  }
}
