import { Command } from 'commander'
import { version } from '../../package.json' with { type: 'json' }
import { loadEnv } from '../env.ts'
import { serve } from '../process/server.ts'
import { runDoctor } from './doctor/doctor.ts'
import { addImportCommands } from './import/commands.ts'
import { addKeyCommands } from './keys/commands.ts'
import { addMailCommands } from './mail/commands.ts'
import { migrateDatabase } from './migrate.ts'
import { addPasswordCommand } from './passwords/command.ts'
import { addRoleCommands } from './roles/commands.ts'
import { addServiceKeyCommands } from './service-keys/commands.ts'
import { parseAddress } from './support/arguments.ts'
import type { Environment } from './support/with-core.ts'
import { addUserCommands } from './users/commands.ts'
import { addWebhookCommands } from './webhooks/commands.ts'
import { addWebhookKeyCommand } from './webhooks/webhook-keys.ts'

/** All commands, with the server as the default. */
export function createProgram(serverEnvironment: Environment, commandEnvironment: Environment) {
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
  addRoleCommands(program, commandEnvironment)
  addPasswordCommand(program)
  addImportCommands(program, commandEnvironment)
  addWebhookCommands(program, commandEnvironment)
  return program
}
