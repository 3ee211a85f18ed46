import { z } from 'zod'
import { UserId } from '../../fields.ts'
import { Event } from '../event.ts'
import { connectionOf } from '../page.ts'

const { actorId, detail, ...shown } = Event.shape

export const AuditEvent = z
  .strictObject({
    ...shown,
    actorId,
    detail,
    userId: UserId.nullable().meta({
      description: 'The account. It may have been deleted since.',
      examples: [null],
    }),
    actorKey: z
      .string()
      .nullable()
      .meta({ description: 'The name of the service that did it.', examples: [null] }),
    requestId: z
      .string()
      .nullable()
      .meta({ examples: ['req-1'] }),
  })
  .meta({ id: 'AuditEvent', description: 'An event of any account.' })
export type AuditEvent = z.output<typeof AuditEvent>

export const EventConnection = connectionOf(AuditEvent, 'Event')
export type EventConnection = z.output<typeof EventConnection>
