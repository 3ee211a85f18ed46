import { z } from 'zod'
import { RECEIVER, toReceiverUrl, WEBHOOK_SECRET } from '../../settings/webhooks.ts'
import { RowId as id, Moment } from '../fields.ts'
import { administrationMutation, administrationQuery } from '../operation.ts'
import {
  ChangedWebhook,
  DeliveryStatus,
  ReplayedDeliveries,
  Webhook,
  WebhookDelivery,
  WebhookDeliveryConnection,
  WebhookSecretKind,
} from '../outputs/administration/webhook.ts'
import { pageArguments } from '../outputs/page.ts'
import { Text } from '../text.ts'
import { WEBHOOK_TYPES, type WebhookType } from '../webhook-types.ts'

const exampleId = '0b8d3f0e-6f0a-4c1e-9d57-3f1d2a7c9b10'

const MAX_URL_CHARACTERS = 2048
/** How many deliveries one call of `replayDeliveries` takes. */
export const MAX_REPLAYED = 1000

const ReceiverUrl = Text.max(MAX_URL_CHARACTERS, `Must have at most ${MAX_URL_CHARACTERS} characters.`)
  .transform((text, context) => {
    const url = toReceiverUrl(text)
    if (url) return url
    context.addIssue({ code: 'custom', message: `Must be ${RECEIVER}.` })
    return z.NEVER
  })
  .meta({
    description: 'https, without a user. Its address must be in the internet, or in `WEBHOOK_NETWORKS`.',
    maxLength: MAX_URL_CHARACTERS,
    examples: ['https://example.com/hooks/servauth'],
  })

const Types = z
  .array(
    z
      .string()
      .refine(
        (type) => WEBHOOK_TYPES.includes(type as WebhookType),
        `Must be one of ${WEBHOOK_TYPES.join(', ')}.`,
      ),
  )
  .min(1, 'Must not be empty.')
  .max(WEBHOOK_TYPES.length, `Must have at most ${WEBHOOK_TYPES.length} items.`)
  .transform((types) => [...new Set(types)])
  .meta({ description: 'The types of events that it gets. Without them, it gets all.' })

export const PutWebhookInput = z
  .strictObject({
    id: id.nullish().meta({ description: 'The webhook to change. Without it, there is a new one.' }),
    url: ReceiverUrl,
    types: Types.nullish(),
    disabled: z.boolean().nullish().meta({
      description:
        'Whether it gets no events. Those that wait are kept for a week. Without it, the webhook is enabled.',
    }),
    secret: Text.max(128, 'Must have at most 128 characters.')
      .regex(WEBHOOK_SECRET, 'Must be a secret of Standard Webhooks: whsec_ with 24 to 64 bytes, or whsk_.')
      .nullish()
      .meta({ description: 'A new secret that the caller has made, in the form of Standard Webhooks.' }),
    newSecret: WebhookSecretKind.nullish().meta({
      description:
        'Makes a new secret of this kind. A new webhook without `secret` gets one of `HMAC` anyway.',
    }),
    endFormerSecret: z.boolean().nullish().meta({
      description:
        'Ends all secrets but the newest. Otherwise the newest two sign, so that receivers can change over.',
    }),
  })
  .refine(({ secret, newSecret }) => !secret || !newSecret, {
    path: ['newSecret'],
    error: 'Must not be given beside secret.',
  })
  .meta({ id: 'PutWebhookInput' })

const DeliveryFilter = z
  .strictObject({ webhookId: z.uuid('Must be a UUID.').nullish(), status: DeliveryStatus.nullish() })
  .meta({ id: 'WebhookDeliveryFilter', description: 'All given conditions must hold.' })

export const ReplayDeliveriesInput = z
  .strictObject({
    webhookId: id,
    delivery: z.string().max(64, 'Must have at most 64 characters.').nullish().meta({
      description: 'The `id` of one delivery. One that waits for its next attempt is tried at once.',
    }),
    since: Moment.nullish().meta({
      description:
        'All events from this moment on that were delivered or given up. Without it, those that were given up.',
    }),
    until: Moment.nullish().meta({ description: 'Only events before this moment.' }),
    after: z
      .string()
      .max(64, 'Must have at most 64 characters.')
      .nullish()
      .meta({ description: 'The `next` of the call before.' }),
  })
  .refine(({ delivery, since, until, after }) => !delivery || !(since ?? until ?? after), {
    path: ['delivery'],
    error: 'Must be given alone.',
  })
  .meta({ id: 'ReplayDeliveriesInput' })

export const webhookOperations = {
  webhooks: administrationQuery({
    summary: 'The webhooks of administration and of the settings, oldest first',
    description: 'Secrets are not shown.',
    output: z.array(Webhook),
    permission: 'webhooks:read',
    refusals: [],
    rest: { method: 'GET', path: '/auth/admin/webhooks', status: 200 },
  }),

  putWebhook: administrationMutation({
    summary: 'Create a webhook, or change one',
    description:
      'A change replaces everything but the secrets, which stay unless there is a new one. It works at once on every ' +
      'replica. The answer is the only one that has a secret.',
    input: PutWebhookInput,
    example: { url: 'https://example.com/hooks/servauth', types: ['user.created', 'user.deleted'] },
    output: ChangedWebhook,
    permission: 'webhooks:write',
    handlesCredential: true,
    refusals: ['NOT_FOUND'],
    rest: { method: 'POST', path: '/auth/admin/webhooks', status: 200 },
  }),

  deleteWebhook: administrationMutation({
    summary: 'Delete a webhook, with its deliveries',
    description: 'Nothing is sent to it any more, not even events that wait.',
    input: z.strictObject({ id }),
    output: z.boolean(),
    permission: 'webhooks:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'DELETE', path: '/auth/admin/webhooks/:id', status: 204 },
  }),

  testWebhook: administrationMutation({
    summary: 'Send an event of the type webhook.test, and wait for its result',
    description:
      'It is tried once, also if the webhook is disabled or does not want all types. `status` and `lastResult` are the result.',
    input: z.strictObject({ id }),
    output: WebhookDelivery,
    permission: 'webhooks:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'POST', path: '/auth/admin/webhooks/:id/test', status: 200 },
  }),

  webhookDeliveries: administrationQuery({
    summary: 'Events on their way to webhooks, newest first',
    description: 'Deliveries are kept as long as their events, for some days.',
    input: z.strictObject({ ...pageArguments, filter: DeliveryFilter.optional() }),
    output: WebhookDeliveryConnection,
    permission: 'webhooks:read',
    refusals: [],
    rest: { method: 'GET', path: '/auth/admin/webhooks/deliveries', status: 200 },
  }),

  replayDeliveries: administrationMutation({
    summary: 'Deliver events again',
    description:
      `One delivery, those that were given up, or those of a span of time: oldest first, at most ${MAX_REPLAYED} in a call. ` +
      'They get three days again, but no longer than the events are kept.',
    input: ReplayDeliveriesInput,
    example: { webhookId: exampleId, since: '2026-11-24T10:00:00Z', until: '2026-11-24T12:00:00Z' },
    output: ReplayedDeliveries,
    permission: 'webhooks:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'POST', path: '/auth/admin/webhooks/:webhookId/replay', status: 200 },
  }),
}
