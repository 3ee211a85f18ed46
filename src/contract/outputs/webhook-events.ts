import { z } from 'zod'
import { Time } from './fields.ts'

export const WebhookEvents = z
  .strictObject({
    events: z.array(
      z
        .strictObject({
          id: z.string().meta({
            description: 'The `webhook-id` of the same event.',
            examples: ['msg_3c1f7b0a-5d0e-4a3b-8a8e-6b2f9c4d7e01'],
          }),
          type: z.string().meta({ examples: ['session.started'] }),
          timestamp: Time,
          data: z.record(z.string(), z.unknown()).meta({
            examples: [{ userId: '0b8d3f0e-6f0a-4c1e-9d57-3f1d2a7c9b10' }],
          }),
        })
        .meta({ id: 'WebhookEvent' }),
    ),
    next: z.string().meta({ description: 'The `after` of the next request.', examples: ['7412.96'] }),
  })
  .meta({ id: 'WebhookEvents' })
export type WebhookEvents = z.output<typeof WebhookEvents>
