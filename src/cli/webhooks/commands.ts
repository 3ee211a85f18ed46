import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseDeliveryId } from '../../auth/webhooks/shown-deliveries.ts'
import { WEBHOOK_TYPES, type WebhookType } from '../../contract/webhook-types.ts'
import { JSON_OUTPUT, LIMIT, parseIdOf, parseMoment } from '../support/arguments.ts'
import type { Output } from '../support/output.ts'
import type { Environment } from '../support/with-core.ts'
import {
  deleteWebhook,
  type ListOptions,
  listDeliveries,
  listWebhooks,
  type PutOptions,
  putWebhook,
  type ReplayOptions,
  replayDeliveries,
  testWebhook,
} from './webhooks.ts'

/** The commands of an operator for webhooks, as administrators have them. */
export function addWebhookCommands(program: Command, environment: Environment) {
  const webhook = program
    .command('webhook')
    .summary('show, change and test webhooks, and deliver events again')
    .description(
      'Shows, changes and tests webhooks, and delivers events again. Those of WEBHOOKS cannot be changed.',
    )

  webhook
    .command('list')
    .summary('list the webhooks')
    .description('Lists the webhooks, the oldest first.')
    .option(...JSON_OUTPUT)
    .action((options: Output) => listWebhooks(environment, options))
  webhook
    .command('put')
    .summary('create a webhook, or change one')
    .description(
      'Creates a webhook, whose secret is shown once. With --id, changes one, and its secret stays.',
    )
    .argument('<url>', 'where events are sent: an https URL')
    .option('--id <id>', 'the webhook to change', parseId)
    .option(
      '--types <types>',
      'the types of events that it gets, separated by commas; without it, all',
      parseTypes,
    )
    .option('--disabled', 'it gets no events')
    .addOption(
      new Option('--new-secret <kind>', 'make a new secret; the former signs too until it is ended').choices([
        'hmac',
        'ed25519',
      ]),
    )
    .option('--end-former-secret', 'end all secrets but the newest')
    .option(...JSON_OUTPUT)
    .action((url: string, options: PutOptions) => putWebhook(environment, url, options))
  webhook
    .command('delete')
    .summary('delete a webhook')
    .description('Deletes a webhook. Nothing is sent to it any more.')
    .argument('<id>', 'the id of the webhook, from the list', parseId)
    .option(...JSON_OUTPUT)
    .action((id: string, options: Output) => deleteWebhook(environment, id, options))
  webhook
    .command('test')
    .summary('send an event of the type webhook.test')
    .description(
      'Sends an event of the type webhook.test, and shows its result. Fails if it was not delivered.',
    )
    .argument('<id>', 'the id of the webhook, from the list', parseId)
    .option(...JSON_OUTPUT)
    .action((id: string, options: Output) => testWebhook(environment, id, options))
  webhook
    .command('deliveries')
    .summary('list events on their way to webhooks')
    .description('Lists events on their way to webhooks, the newest first.')
    .option('--webhook <id>', 'only those of this webhook', parseId)
    .addOption(
      new Option('--status <status>', 'only those in this state').choices(['pending', 'delivered', 'failed']),
    )
    .option(...LIMIT)
    .option(...JSON_OUTPUT)
    .action((options: ListOptions) => listDeliveries(environment, options))
  webhook
    .command('replay')
    .summary('deliver events again')
    .description('Delivers events again: those that were given up, those of a span of time, or one.')
    .argument('<id>', 'the id of the webhook, from the list', parseId)
    .option('--delivery <id>', 'only this delivery, from the list of deliveries', parseDelivery)
    .option('--since <time>', 'all events from this time on, as 2026-11-24T10:00:00Z', parseMoment)
    .option('--until <time>', 'only events before this time', parseMoment)
    .option(...JSON_OUTPUT)
    .action((id: string, options: ReplayOptions) => replayDeliveries(environment, id, options))
}

const parseId = parseIdOf('webhook', 'webhook list')
const parseDelivery = parseIdOf('delivery', 'webhook deliveries', parseDeliveryId)

function parseTypes(value: string) {
  const types = value.split(',').map((type) => type.trim())
  if (types.every((type) => WEBHOOK_TYPES.includes(type as WebhookType))) return types
  throw new InvalidArgumentError(`They must be some of ${WEBHOOK_TYPES.join(', ')}, separated by commas.`)
}
