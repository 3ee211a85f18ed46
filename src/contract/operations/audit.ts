import { z } from 'zod'
import { Email, RowId as id, Moment, UserId } from '../fields.ts'
import { administrationMutation, administrationQuery } from '../operation.ts'
import { EventConnection } from '../outputs/administration/audit-event.ts'
import { Mail, MailConnection, MailStatus } from '../outputs/administration/mail.ts'
import { pageArguments } from '../outputs/page.ts'
import { Text } from '../text.ts'

const word = z.string().regex(/^[\w-]{1,40}$/, 'Must have at most 40 letters, digits, _ and -.')

const EventFilter = z
  .strictObject({
    userId: UserId.nullish(),
    actorId: UserId.nullish(),
    kind: word.nullish(),
    byAdministrators: z
      .boolean()
      .nullish()
      .meta({ description: 'Only what administrators and services did.' }),
    since: Moment.nullish(),
    until: Moment.nullish(),
  })
  .meta({ id: 'EventFilter', description: 'All given conditions must hold.' })

const MailFilter = z
  .strictObject({
    status: MailStatus.nullish(),
    kind: word.nullish(),
    recipient: Text.max(255, 'Must have at most 255 characters.')
      .transform((text) => Email.safeParse(text).data ?? text)
      .nullish()
      .meta({ description: 'The whole address.' }),
  })
  .meta({ id: 'MailFilter', description: 'All given conditions must hold.' })

export const auditOperations = {
  auditEvents: administrationQuery({
    summary: 'What happened to all accounts, newest first',
    description:
      'An event that repeats while a client reads page by page can appear on two pages. Events of deleted accounts stay.',
    input: z.strictObject({ ...pageArguments, filter: EventFilter.optional() }),
    output: EventConnection,
    permission: 'events:read',
    refusals: [],
    rest: { method: 'GET', path: '/auth/admin/events', status: 200 },
  }),

  mails: administrationQuery({
    summary: 'The outbox, newest first',
    description: 'Mails that were sent or given up are kept for some days.',
    input: z.strictObject({ ...pageArguments, filter: MailFilter.optional() }),
    output: MailConnection,
    permission: 'mails:read',
    refusals: [],
    rest: { method: 'GET', path: '/auth/admin/mails', status: 200 },
  }),

  retryMail: administrationMutation({
    summary: 'Send a failed mail again',
    description:
      'It gets as much time as it had at first. A link in it that has expired is replaced or left out.',
    input: z.strictObject({ id }),
    output: Mail,
    permission: 'mails:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'POST', path: '/auth/admin/mails/:id/retry', status: 200 },
  }),
}
