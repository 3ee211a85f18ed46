import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { version } from '../../package.json' with { type: 'json' }
import { AccountInput } from '../contract/fields.ts'
import { loadEnv } from '../env.ts'
import { hasDataFolder } from '../process/first-run.ts'
import { serve } from '../process/server.ts'
import { doctor } from './doctor/doctor.ts'
import { explain } from './failure.ts'
import { importBetterAuth } from './import/import.ts'
import { rotateKeys, showKeys } from './keys.ts'
import { migrateDatabase } from './migrate.ts'
import { disableUser, enableUser, showUser, signOutUser } from './user.ts'

type Source = Record<string, string | undefined>

const DONE = 0
const FAILED = 1
const WRONG_USE = 2

/** Runs what the arguments ask for; without any, the server. @returns the exit code */
export async function run(args: string[], source: Source): Promise<number> {
  try {
    await createProgram(source, await besideServer(source)).parseAsync(args.length > 0 ? args : ['serve'], {
      from: 'user',
    })
    return DONE
  } catch (fault) {
    // It has said its piece: help that was asked for, or what is wrong with the arguments.
    if (fault instanceof CommanderError) return fault.exitCode === 0 ? DONE : WRONG_USE
    console.error(`\n${explain(fault)}\n`)
    return FAILED
  }
}

function createProgram(source: Source, beside: Source) {
  const program = new Command('servauth')
    .description('An authentication server. Without a command it serves.')
    .helpCommand('help [command]', 'say more about a command')
    .version(version, '-v, --version', 'say which version this is')
    .helpOption('-h, --help', 'say this')
    .configureHelp({ showGlobalOptions: false })
    .showHelpAfterError()
    .exitOverride()
    .addHelpText(
      'after',
      '\nEvery command takes the settings of the server from the environment (.env.example describes them).' +
        '\nExit codes: 0 done, 1 failed, 2 wrong use.',
    )

  program
    .command('serve')
    .summary('serve until signalled (the default)')
    .description('Brings the database up to date, then serves until SIGTERM or SIGINT.')
    .action(() => serve(loadEnv(source)))

  program
    .command('migrate')
    .summary('bring the database up to date, and say how')
    .description('Applies the migrations that are missing. The server does the same when it starts.')
    .action(() => migrateDatabase(beside))

  program
    .command('doctor')
    .summary('check settings, database, mail, clock and keys')
    .description(
      'Gives a verdict on each part, with a way out of what is bad. Changes nothing; fails if anything is bad.',
    )
    .option('--mail-to <address>', 'send a test mail to this address', asAddress)
    .action((options: { mailTo?: string }) => doctor(beside, options))

  const keys = program
    .command('keys')
    .summary('the keys that sign access tokens')
    .description('The keys that sign access tokens.')
  keys
    .command('show')
    .summary('say which keys there are, and what each does until when')
    .description('Says which keys there are, and what each does until when.')
    .action(() => showKeys(beside))
  keys
    .command('rotate')
    .summary('make a new key, which signs as soon as everybody can have it')
    .description(
      'Makes a new key. It is published at once and signs when everybody who verifies tokens can have it; the' +
        ' old one stays public until its last token has expired. Nobody is signed out, nothing is restarted.',
    )
    .action(() => rotateKeys(beside))

  const user = program
    .command('user')
    .summary("somebody's account")
    .description("Somebody's account, by its e-mail address.")
  for (const [name, summary, action] of [
    ['show', 'say who it is, and what happened lately', showUser],
    ['disable', 'end every session and mailed token, and let nobody sign in', disableUser],
    ['enable', 'let a disabled account sign in again', enableUser],
    ['sign-out', 'end every session', signOutUser],
  ] as const) {
    user
      .command(name)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .summary(summary)
      .argument('<address>', 'the e-mail address of the account', asAddress)
      .action((address: string) => action(beside, address))
  }

  program
    .command('import')
    .summary('accounts from another system')
    .description('Takes over accounts from another system.')
    .command('better-auth')
    .summary('take over the users of a Better-Auth database, with their passwords')
    .description(
      'Takes over the users of a Better-Auth database that have a password. An account that is here already is left' +
        ' as it is, so it may be run again. Nothing is changed there. Sessions are not moved: everybody signs in once more.',
    )
    .argument('<url>', 'the database, as postgres://user:password@host/name', asDatabaseUrl)
    .option('--dry-run', 'say what would be done, and what cannot be')
    .option('--map <file>', 'write a CSV: id there, id here, address, and what became of it')
    .action((url: string, options: { dryRun?: boolean; map?: string }) =>
      importBetterAuth(beside, url, options),
    )
  return program
}

/** A command in a folder where development was started is about that, unless it is told otherwise. */
async function besideServer(source: Source): Promise<Source> {
  const isTold = source.NODE_ENV || source.DATABASE_URL
  return !isTold && (await hasDataFolder()) ? { ...source, NODE_ENV: 'development' } : source
}

function asAddress(value: string) {
  const { data } = AccountInput.safeParse({ email: value })
  if (!data) throw new InvalidArgumentError('It must be an e-mail address.')
  return data.email
}

function asDatabaseUrl(value: string) {
  if (/^postgres(ql)?:$/.test(URL.parse(value)?.protocol ?? '')) return value
  throw new InvalidArgumentError('It must be a postgres:// URL.')
}
