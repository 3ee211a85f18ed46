import { z } from 'zod'
import { OwnRowId } from '../fields.ts'
import { mutation, query } from '../operation.ts'
import { Event } from '../outputs/event.ts'
import { pageArguments } from '../outputs/page.ts'
import { Session } from '../outputs/session.ts'

export const sessionOperations = {
  sessions: query({
    tag: 'Sessions and events',
    summary: "The user's live sessions, newest first",
    description: 'The session of the request has `current: true`.',
    output: z.array(Session),
    credentials: ['bearer', 'cookie'],
    refusals: ['SERVICE_UNAVAILABLE'],
    rest: { method: 'GET', path: '/auth/sessions', status: 200 },
  }),

  revokeOtherSessions: mutation({
    tag: 'Sessions and events',
    summary: 'End every session but this one',
    description: 'Answers how many ended. This server refuses their access tokens at once.',
    output: z
      .int()
      .min(0)
      .meta({ description: 'How many sessions ended.', examples: [2] }),
    handlesCredential: false,
    credentials: ['bearer', 'cookie'],
    refusals: ['TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: {
      method: 'DELETE',
      path: '/auth/sessions',
      status: 200,
      wrap: { member: 'revoked', id: 'Revoked' },
    },
  }),

  revokeSession: mutation({
    tag: 'Sessions and events',
    summary: "End one of the user's sessions",
    description: 'It may be the session of the request. Any other id is `NOT_FOUND`.',
    input: z.strictObject({ id: OwnRowId }),
    output: z.boolean(),
    handlesCredential: false,
    credentials: ['bearer', 'cookie'],
    refusals: ['NOT_FOUND', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'DELETE', path: '/auth/sessions/:id', status: 204, cookie: 'cleared' },
  }),

  events: query({
    tag: 'Sessions and events',
    summary: 'What happened to the account, newest first',
    description:
      'Sign-ins, failed ones too, and every change, each with the address and the program that it came from last. A ' +
      'repetition adds to `count` of the same event and makes it the newest. Events that need no credential of the ' +
      'account, such as failed sign-ins, are one event of each kind; others are one a day for each network and program, ' +
      'up to a limit. An event that repeats while a client reads page by page can appear on two pages.',
    input: z.strictObject({
      first: pageArguments.first,
      after: z
        .string()
        .optional()
        .meta({ format: 'uuid', description: 'The id of the last event of the page before.' }),
    }),
    output: z.array(Event),
    credentials: ['bearer', 'cookie'],
    refusals: ['SERVICE_UNAVAILABLE'],
    rest: { method: 'GET', path: '/auth/events', status: 200 },
  }),
}
