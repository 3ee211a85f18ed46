import { builder } from './builder.ts'
import { SessionType } from './types.ts'

builder.queryField('sessions', (t) =>
  t.field({
    description: "This user's live sessions, newest first.",
    type: [SessionType],
    resolve: (_root, _args, { auth, caller }) => auth.sessions(caller),
  }),
)

builder.mutationField('revokeSession', (t) =>
  t.boolean({
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, { auth, caller }) => auth.revokeSession(id, caller),
  }),
)

builder.mutationField('revokeOtherSessions', (t) =>
  t.int({
    description: 'How many were ended.',
    resolve: (_root, _args, { auth, caller }) => auth.revokeOtherSessions(caller),
  }),
)
