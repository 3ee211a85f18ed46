import { PutWebhookInput, ReplayDeliveriesInput } from '../../contract/operations/webhooks.ts'
import type {
  DeliveryStatus,
  Webhook,
  WebhookDelivery,
  WebhookSecretKind,
} from '../../contract/outputs/administration/webhook.ts'
import { parse } from '../../contract/parse.ts'
import { CommandError } from '../support/command-error.ts'
import { formatTime } from '../support/format-time.ts'
import { collectPages, type Output, printJson } from '../support/output.ts'
import { explainRefusal } from '../support/refusal.ts'
import { type Environment, withCore } from '../support/with-core.ts'

export type PutOptions = Output & {
  id?: string
  types?: string[]
  disabled?: true
  newSecret?: Lowercase<WebhookSecretKind>
  endFormerSecret?: true
}
export type ListOptions = Output & { webhook?: string; status?: Lowercase<DeliveryStatus>; limit: number }
export type ReplayOptions = Output & { delivery?: string; since?: string; until?: string }

export async function listWebhooks(environment: Environment, { json }: Output) {
  const webhooks = await withCore(environment, ({ operator }) => operator.webhooks(undefined))
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

export async function putWebhook(
  environment: Environment,
  url: string,
  { json, newSecret, ...options }: PutOptions,
) {
  const changed = await withCore(environment, async ({ operator }) =>
    operator.putWebhook(parse(PutWebhookInput, { url, newSecret: newSecret?.toUpperCase(), ...options })),
  ).catch(explain)
  if (json) return printJson(changed)
  printWebhook(changed.webhook)
  if (changed.secret) {
    console.log(`\nThe secret, for the receiver. It is not shown again:\n\n  ${changed.secret}\n`)
  }
}

export async function deleteWebhook(environment: Environment, id: string, { json }: Output) {
  await withCore(environment, ({ operator }) => operator.deleteWebhook({ id })).catch(explain)
  if (json) return printJson({ id })
  console.log(`The webhook ${id} is deleted.`)
}

export async function testWebhook(environment: Environment, id: string, { json }: Output) {
  const delivery = await withCore(environment, ({ operator }) => operator.testWebhook({ id })).catch(explain)
  if (json) printJson(delivery)
  else printDelivery(delivery)
  if (delivery.status !== 'DELIVERED')
    throw new CommandError(`The receiver did not accept it: ${delivery.lastResult}`)
}

export async function listDeliveries(
  environment: Environment,
  { webhook, status, limit, json }: ListOptions,
) {
  const found = await withCore(environment, ({ operator }) =>
    collectPages(limit, (page) =>
      operator.webhookDeliveries({
        ...page,
        filter: { webhookId: webhook, status: status?.toUpperCase() as DeliveryStatus | undefined },
      }),
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
  if (attempts > 0) console.log(`    attempts: ${attempts}, the last: ${lastResult ?? 'running'}${next}`)
}

/** Call after call, until all are taken. */
export async function replayDeliveries(
  environment: Environment,
  webhookId: string,
  { json, ...options }: ReplayOptions,
) {
  const count = await withCore(environment, async ({ operator }) => {
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
  console.log(`${count} ${count === 1 ? 'event is' : 'events are'} delivered again.`)
}

const explain = explainRefusal({ NOT_FOUND: 'There is nothing with this id.' })
