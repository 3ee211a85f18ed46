import { DeleteMeInput, UpdateMeInput } from '../../contract/inputs.ts'
import { builder } from './builder.ts'
import { UserType } from './types.ts'

const UpdateMeInputType = builder.inputType('UpdateMeInput', {
  validate: { schema: UpdateMeInput },
  fields: (t) => ({
    username: t.string({ description: 'Null clears it.' }),
    email: t.string({ description: 'Needs a session signed in within 15 minutes, or the current password.' }),
    currentPassword: t.string(),
  }),
})

const DeleteMeInputType = builder.inputType('DeleteMeInput', {
  validate: { schema: DeleteMeInput },
  fields: (t) => ({
    password: t.string({ description: 'Needed when the session signed in over 15 minutes ago.' }),
  }),
})

builder.queryField('me', (t) =>
  t.field({
    description:
      'The signed-in user; null when the request carries no credentials. Bad credentials are an error.',
    type: UserType,
    nullable: true,
    resolve: (_root, _args, { auth, caller }) => auth.me(caller),
  }),
)

builder.mutationField('updateMe', (t) =>
  t.field({
    type: UserType,
    args: { input: t.arg({ type: UpdateMeInputType, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.updateMe(input, caller),
  }),
)

builder.mutationField('deleteMe', (t) =>
  t.boolean({
    args: { input: t.arg({ type: DeleteMeInputType }) },
    resolve: (_root, { input }, { auth, caller }) => auth.deleteMe(input ?? {}, caller),
  }),
)
