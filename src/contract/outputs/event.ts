import { z } from 'zod'
import { UserId } from '../fields.ts'
import { IpAddress, Time, UserAgent } from './fields.ts'

/** The columns of an event that its user may see; the query selects exactly these. */
export const Event = z
  .strictObject({
    id: z.uuid().meta({ examples: ['3c1f7b0a-5d0e-4a3b-8a8e-6b2f9c4d7e01'] }),
    kind: z.string().meta({
      description: 'What happened, as one word. New words may be added.',
      examples: ['login', 'refresh', 'password_changed', 'sessions_revoked'],
    }),
    count: z
      .int()
      .meta({ description: 'How often it happened, from `createdAt` to `lastAt`.', examples: [1] }),
    createdAt: Time.meta({ description: 'When it happened first.' }),
    lastAt: Time.meta({ description: 'When it happened last.' }),
    ipAddress: IpAddress,
    userAgent: UserAgent,
    actorId: UserId.nullable().meta({
      description: 'The administrator who did it; null if it was the user or a service.',
      examples: [null],
    }),
    detail: z
      .string()
      .nullable()
      .meta({
        description:
          'What an administrator changed: roles, permissions of a role, or names of claims, that were given or taken.',
        examples: ['+support'],
      }),
  })
  .meta({ id: 'Event' })
export type Event = z.output<typeof Event>
