import { z } from 'zod'
import { UserId } from '../../fields.ts'
import { createPicker, Time } from '../fields.ts'
import { connectionOf } from '../page.ts'

export const MailStatus = z.enum(['PENDING', 'SENT', 'FAILED', 'SKIPPED']).meta({
  id: 'MailStatus',
  description: '`SENT`: the mail server accepted it. `SKIPPED`: it was no longer wanted when its turn came.',
})

export const Mail = z
  .strictObject({
    id: z.guid().meta({ format: 'uuid' }),
    kind: z.string().meta({ examples: ['password-reset'] }),
    recipient: z.string().meta({ examples: ['ada@example.com'] }),
    userId: UserId.nullable(),
    status: MailStatus,
    attempts: z.int().meta({ examples: [1] }),
    fault: z
      .string()
      .nullable()
      .meta({ description: 'Why the last attempt failed.', examples: [null] }),
    createdAt: Time,
    nextAttemptAt: Time.meta({
      description: 'When the next attempt is due. For a mail that was sent: when it was sent.',
    }),
    expiresAt: Time,
  })
  .meta({ id: 'Mail', description: 'A mail of the outbox. Its text and its link are not stored.' })
export type Mail = z.output<typeof Mail>

export const MailConnection = connectionOf(Mail, 'Mail')
export type MailConnection = z.output<typeof MailConnection>

export const toMail = createPicker(Mail)
