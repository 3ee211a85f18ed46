import { EventsInput, parse } from '../../contract/inputs.ts'
import type { Event } from '../../contract/outputs.ts'
import { builder } from './builder.ts'

const EventType = builder.objectRef<Event>('Event').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    kind: t.exposeString('kind'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    ipAddress: t.exposeString('ipAddress', { nullable: true }),
    userAgent: t.exposeString('userAgent', { nullable: true }),
  }),
})

builder.queryField('events', (t) =>
  t.field({
    description: 'What happened to this account lately, newest first; at most 100.',
    type: [EventType],
    args: { first: t.arg.int({ defaultValue: 20 }) },
    resolve: (_root, { first }, { auth, caller }) =>
      auth.events(parse(EventsInput, { first: first ?? undefined }), caller),
  }),
)
