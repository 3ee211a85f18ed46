import { type Command, InvalidArgumentError, Option } from 'commander'
import { z } from 'zod'
import { PutWebhookInput, ReplayDeliveriesInput } from '../contract/operations/webhooks.ts'
import type {
  DeliveryStatus,
  Webhook,
  WebhookDelivery,
  WebhookSecretKind,
} from '../contract/outputs/webhook.ts'
import { parse } from '../contract/parse.ts'
import { AuthError } from '../errors.ts'
import { CommandError } from './support/command-error.ts'
import { formatTime } from './support/format-time.ts'
import { collectPages, type Output, printJson } from './support/output.ts'
import { type Environment, withService } from './support/with-service.ts'

type PutOptions = Output & {
  id?: string
  types?: string[]
  disabled?: true
  newSecret?: WebhookSecretKind
  endFormerSecret?: true
}
type ListOptions = Output & { webhook?: string; status?: DeliveryStatus; limit: number }
type ReplayOptions = Output & { delivery?: string; since?: string; until?: string }

/** The commands of an operator for webhooks, as administrators have them. */
export function addWebhookCommands(program: Command, environment: Environment) {
  const json = ['--json', 'print the result as JSON'] as const
  const webhook = program
    .command('webhook')
    .summary('show, change and test webhooks, and deliver events again')
    .description(
      'Shows, changes and tests webhooks, and delivers events again. Those of WEBHOOKS cannot be changed.',
    )

  webhook
    .command('list')
    .description('Lists the webhooks, the oldest first.')
    .option(...json)
    .action((options: Output) => listWebhooks(environment, options))
  webhook
    .command('put')
    .description(
      'Creates a webhook, whose secret is shown once. With --id, changes one, and its secret stays.',
    )
    .argument('<url>', 'where events are sent: an https URL')
    .option('--id <id>', 'the webhook to change', parseId)
    .option(
      '--types <types>',
      'the types of events that it gets, separated by commas; without it, all',
      parseList,
    )
    .option('--disabled', 'it gets no events')
    .addOption(
      new Option('--new-secret <kind>', 'make a new secret; the former signs too until it is ended')
        .choices(['hmac', 'ed25519'])
        .argParser((kind) => kind.toUpperCase()),
    )
    .option('--end-former-secret', 'end all secrets but the newest')
    .option(...json)
    .action((url: string, options: PutOptions) => putWebhook(environment, url, options))
  webhook
    .command('delete')
    .description('Deletes a webhook. Nothing is sent to it any more.')
    .argument('<id>', 'the id of the webhook, from the list', parseId)
    .option(...json)
    .action((id: string, options: Output) => deleteWebhook(environment, id, options))
  webhook
    .command('test')
    .description(
      'Sends an event of the type webhook.test, and shows its result. Fails if it was not delivered.',
    )
    .argument('<id>', 'the id of the webhook, from the list', parseId)
    .option(...json)
    .action((id: string, options: Output) => testWebhook(environment, id, options))
  webhook
    .command('deliveries')
    .description('Lists events on their way to webhooks, the newest first.')
    .option('--webhook <id>', 'only those of this webhook', parseId)
    .addOption(
      new Option('--status <status>', 'only those in this state')
        .choices(['pending', 'delivered', 'failed'])
        .argParser((status) => status.toUpperCase()),
    )
    .option('--limit <rows>', 'how many at most', parseRows, 100)
    .option(...json)
    .action((options: ListOptions) => listDeliveries(environment, options))
  webhook
    .command('replay')
    .description('Delivers events again: those that were given up, those of a span of time, or one.')
    .argument('<id>', 'the id of the webhook, from the list', parseId)
    .option('--delivery <id>', 'only this delivery, from the list of deliveries')
    .option('--since <time>', 'all events from this time on, as 2026-11-24T10:00:00Z')
    .option('--until <time>', 'only events before this time')
    .option(...json)
    .action((id: string, options: ReplayOptions) => replayDeliveries(environment, id, options))
}

async function listWebhooks(environment: Environment, { json }: Output) {
  const webhooks = await withService(environment, ({ operator }) => operator.webhooks(undefined))
  if (json) return printJson(webhooks)
  for (const webhook of webhooks) printWebhook(webhook)
  if (webhooks.length === 0) console.log('There are no webhooks.')
}

function printWebhook({ id, url, types, ofSettings, secrets, disabledAt, fault }: Webhook) {
  const state = disabledAt ? `disabled ${formatTime(disabledAt)}${fault ? ` after ${fault}` : ''}` : 'enabled'
  console.log(`${id}  ${url}`)
  console.log(
    `    ${state}, ${types?.join(', ') ?? 'all types'}${ofSettings ? ', of the setting WEBHOOKS' : ''}`,
  )
  for (const { publicKey } of secrets) if (publicKey) console.log(`    public key ${publicKey}`)
}

async function putWebhook(environment: Environment, url: string, { json, ...options }: PutOptions) {
  const changed = await withService(environment, async ({ operator }) =>
    operator.putWebhook(parse(PutWebhookInput, { url, ...options })),
  ).catch(explain)
  if (json) return printJson(changed)
  printWebhook(changed.webhook)
  if (changed.secret) {
    console.log(`\nThe secret, for the receiver. It is not shown again:\n\n  ${changed.secret}\n`)
  }
}

async function deleteWebhook(environment: Environment, id: string, { json }: Output) {
  await withService(environment, ({ operator }) => operator.deleteWebhook({ id })).catch(explain)
  if (json) return printJson({ id })
  console.log(`The webhook ${id} is deleted.`)
}

async function testWebhook(environment: Environment, id: string, { json }: Output) {
  const delivery = await withService(environment, ({ operator }) => operator.testWebhook({ id })).catch(
    explain,
  )
  if (json) printJson(delivery)
  else printDelivery(delivery)
  if (delivery.status !== 'DELIVERED')
    throw new CommandError(`The receiver did not accept it: ${delivery.lastResult}`)
}

async function listDeliveries(environment: Environment, { webhook, status, limit, json }: ListOptions) {
  const found = await withService(environment, ({ operator }) =>
    collectPages(limit, (page) =>
      operator.webhookDeliveries({ ...page, filter: { webhookId: webhook, status } }),
    ),
  )
  if (json) return printJson(found)
  for (const delivery of found) printDelivery(delivery)
  if (found.length === 0) console.log('There are no such deliveries.')
}

function printDelivery({
  id,
  type,
  userId,
  status,
  attempts,
  lastResult,
  createdAt,
  nextAttemptAt,
}: WebhookDelivery) {
  console.log(`${id}  ${formatTime(createdAt)}  ${status}  ${type}${userId ? ` of ${userId}` : ''}`)
  const next = status === 'PENDING' ? `, next at ${formatTime(nextAttemptAt)}` : ''
  if (attempts > 0) console.log(`    ${attempts} attempts, the last: ${lastResult ?? 'running'}${next}`)
}

/** Call after call, until all are taken. */
async function replayDeliveries(
  environment: Environment,
  webhookId: string,
  { json, ...options }: ReplayOptions,
) {
  const count = await withService(environment, async ({ operator }) => {
    let total = 0
    for (let after: string | null = null; ; ) {
      const input = parse(ReplayDeliveriesInput, { webhookId, ...options, after })
      const { count, next } = await operator.replayDeliveries(input)
      total += count
      if (next === null) return total
      after = next
    }
  }).catch(explain)
  if (json) return printJson({ count })
  console.log(`${count} events are delivered again.`)
}

function parseId(value: string) {
  if (z.uuid().safeParse(value).success) return value
  throw new InvalidArgumentError('It must be the id of a webhook, from "servauth webhook list".')
}

const parseList = (value: string) => value.split(',').map((item) => item.trim())

function parseRows(value: string) {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value)
  throw new InvalidArgumentError('It must be a whole number from 1 to 999999.')
}

function explain(error: unknown): never {
  if (!(error instanceof AuthError)) throw error
  const [fault] = error.details.fields ?? []
  const sentence = error.code === 'NOT_FOUND' ? 'There is nothing with this id.' : fault?.message
  throw sentence ? new CommandError(sentence, { cause: error }) : error
}
