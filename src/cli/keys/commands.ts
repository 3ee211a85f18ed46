import type { Command } from 'commander'
import type { Environment } from '../support/with-core.ts'
import { rotateKeys, showKeys } from './signing-keys.ts'

/** The commands about the keys that sign access tokens. */
export function addKeyCommands(program: Command, environment: Environment) {
  const keys = program
    .command('keys')
    .summary('show or rotate the keys that sign access tokens')
    .description('Shows or rotates the keys that sign access tokens.')
  keys
    .command('show')
    .summary('list the keys, which of them signs, and how long each stays public')
    .description('Lists the keys, which of them signs, and how long each stays public.')
    .action(() => showKeys(environment))
  keys
    .command('rotate')
    .summary('create a new key, which signs once all services can have it')
    .description(
      'Creates a new key. It is published now, and signs once all services that verify access tokens can have it.' +
        ' The old key stays public until its last token has expired. No user is signed out, and no restart is needed.',
    )
    .action(() => rotateKeys(environment))
}
