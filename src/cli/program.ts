import { Command, CommanderError } from 'commander'
import { version } from '../../package.json' with { type: 'json' }
import { loadEnv } from '../env.ts'
import { hasDataFolder } from '../process/first-run.ts'
import { serve } from '../process/server.ts'
import { runDoctor } from './doctor/doctor.ts'
import { addImportCommands } from './import/commands.ts'
import { addKeyCommands } from './keys/commands.ts'
import { addMailCommands } from './mail/commands.ts'
import { migrateDatabase } from './migrate.ts'
import { addPasswordCommand } from './passwords/command.ts'
import { addServiceKeyCommands } from './service-keys/commands.ts'
import { parseAddress } from './support/arguments.ts'
import { explainError } from './support/command-error.ts'
import type { Environment } from './support/with-service.ts'
import { addUserCommands } from './users/commands.ts'
import { addWebhookKeyCommand } from './webhook-keys.ts'
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

  addKeyCommands(program, commandEnvironment)
  addServiceKeyCommands(program, commandEnvironment)
  addWebhookKeyCommand(program)
  addMailCommands(program, commandEnvironment)
  addUserCommands(program, commandEnvironment)
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
