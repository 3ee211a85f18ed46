import { z } from 'zod'
import { UserId } from '../../fields.ts'
import { Time } from '../fields.ts'
import { connectionOf } from '../page.ts'

export const WebhookSecretKind = z.enum(['HMAC', 'ED25519']).meta({
  id: 'WebhookSecretKind',
  description:
    '`HMAC` signs with `v1`: receivers need the same secret. `ED25519` signs with `v1a`: receivers need the public key.',
})
export type WebhookSecretKind = z.output<typeof WebhookSecretKind>

const WebhookSecret = z
  .strictObject({
    kind: WebhookSecretKind,
    publicKey: z
      .string()
      .nullable()
      .meta({ description: 'For receivers. Null for `HMAC`.', examples: [null] }),
  })
  .meta({ id: 'WebhookSecret', description: 'A secret that signs. The secret itself is not shown again.' })

export const Webhook = z
  .strictObject({
    id: z.uuid(),
    url: z.string().meta({ examples: ['https://example.com/hooks/servauth'] }),
    types: z
      .array(z.string())
      .nullable()
      .meta({ description: 'The types of events that it gets. Null for all.', examples: [null] }),
    ofSettings: z
      .boolean()
      .meta({ description: 'Whether it is in the setting `WEBHOOKS`, and so cannot be changed here.' }),
    secrets: z.array(WebhookSecret).meta({
      description:
        'Each of them signs every message. The newest is first. Empty if the server cannot decrypt them: create a new one.',
    }),
    disabledAt: Time.nullable().meta({ description: 'Since when it gets no events. Null if it is enabled.' }),
    fault: z
      .string()
      .nullable()
      .meta({
        description:
          'Why the server disabled it by itself: `410`, the receiver said that it is gone for good.',
        examples: [null],
      }),
    createdAt: Time,
  })
  .meta({ id: 'Webhook', description: 'Where events are sent.' })
export type Webhook = z.output<typeof Webhook>

export const ChangedWebhook = z
  .strictObject({
    webhook: Webhook,
    secret: z
      .string()
      .nullable()
      .meta({
        description:
          'The secret that the server has made, for the receiver. It is shown once. Null if there is none.',
        examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo='],
      }),
  })
  .meta({ id: 'ChangedWebhook' })
export type ChangedWebhook = z.output<typeof ChangedWebhook>

export const DeliveryStatus = z.enum(['PENDING', 'DELIVERED', 'FAILED']).meta({
  id: 'DeliveryStatus',
  description:
    '`PENDING`: it waits, or was tried and is tried again. `FAILED`: it was given up after three days.',
})
export type DeliveryStatus = z.output<typeof DeliveryStatus>

export const WebhookDelivery = z
  .strictObject({
    id: z.string().meta({ examples: ['96.0b8d3f0e-6f0a-4c1e-9d57-3f1d2a7c9b10'] }),
    webhookId: z.uuid(),
    messageId: z.string().meta({
      description: 'The `webhook-id` that the receiver sees.',
      examples: ['msg_3c1f7b0a-5d0e-4a3b-8a8e-6b2f9c4d7e01'],
    }),
    type: z.string().meta({ examples: ['session.started'] }),
    userId: UserId.nullable(),
    status: DeliveryStatus,
    attempts: z.int().meta({ examples: [1] }),
    lastResult: z
      .string()
      .nullable()
      .meta({
        description: 'The status of the last answer, or why there was none. Null before the first attempt.',
        examples: ['204'],
      }),
    createdAt: Time,
    nextAttemptAt: Time.meta({
      description:
        'When the next attempt is due. While one runs: when another may begin. Afterwards: when it ended.',
    }),
    expiresAt: Time.meta({ description: 'When the last attempt is made.' }),
  })
  .meta({ id: 'WebhookDelivery', description: 'An event on its way to a webhook.' })
export type WebhookDelivery = z.output<typeof WebhookDelivery>

export const WebhookDeliveryConnection = connectionOf(WebhookDelivery, 'WebhookDelivery')
export type WebhookDeliveryConnection = z.output<typeof WebhookDeliveryConnection>

export const ReplayedDeliveries = z
  .strictObject({
    count: z.int().meta({ description: 'How many are delivered again.', examples: [12] }),
    next: z
      .string()
      .nullable()
      .meta({ description: 'If there may be more: the `after` of the next call.', examples: [null] }),
  })
  .meta({ id: 'ReplayedDeliveries' })
export type ReplayedDeliveries = z.output<typeof ReplayedDeliveries>
