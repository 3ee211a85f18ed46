import { type Command, InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { Moment } from '../../contract/fields.ts'
import { SCOPES, type Scope, ServiceName, VERIFIER_SCOPES } from '../../contract/service-key.ts'
import { JSON_OUTPUT, parseIdOf } from '../support/arguments.ts'
import type { Output } from '../support/output.ts'
import type { Environment } from '../support/with-core.ts'
import { createKeyForService, listServiceKeys, revokeServiceKey } from './service-keys.ts'

/** The commands about the keys of other services. */
export function addServiceKeyCommands(program: Command, environment: Environment) {
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
    .option(...JSON_OUTPUT)
    .action((name: string, options) => createKeyForService(environment, name, options))
  serviceKey
    .command('list')
    .summary('list the keys, their scopes and their last use')
    .description(
      'Lists the keys, their scopes and their last use. Those of SERVICE_KEYS are not in the database.',
    )
    .option(...JSON_OUTPUT)
    .action((options: Output) => listServiceKeys(environment, options))
  serviceKey
    .command('revoke')
    .summary('revoke a key')
    .description(
      'Revokes a key. Every server refuses it at once, and ends the streams that were opened with it.',
    )
    .argument('<id>', 'the id of the key, from the list', parseIdOf('key', 'service-key list'))
    .option(...JSON_OUTPUT)
    .action((id: string, options: Output) => revokeServiceKey(environment, id, options))
}

function parseServiceName(value: string) {
  if (ServiceName.safeParse(value).success) return value
  throw new InvalidArgumentError('It must have at most 40 letters, digits and . _ -')
}

function parseScopes(value: string): Scope[] {
  const scopes = value.split(',').map((scope) => scope.trim())
  if (scopes.every((scope) => SCOPES.includes(scope as Scope))) return [...new Set(scopes as Scope[])]
  throw new InvalidArgumentError(`They must be some of ${SCOPES.join(', ')}, separated by commas.`)
}

function parseFutureDate(value: string) {
  const { data } = z.union([z.iso.date(), Moment]).safeParse(value)
  const date = new Date(data ?? Number.NaN)
  if (date.getTime() > Date.now()) return date
  throw new InvalidArgumentError('It must be a date in the future, as 2027-12-31.')
}
