import { ChangePasswordInput, RequestPasswordResetInput, ResetPasswordInput } from '../../contract/inputs.ts'
import { builder } from './builder.ts'
import { AuthPayloadType } from './types.ts'

const ChangePasswordInputType = builder.inputType('ChangePasswordInput', {
  validate: { schema: ChangePasswordInput },
  fields: (t) => ({
    currentPassword: t.string({ required: true }),
    newPassword: t.string({ required: true }),
  }),
})

const RequestPasswordResetInputType = builder.inputType('RequestPasswordResetInput', {
  validate: { schema: RequestPasswordResetInput },
  fields: (t) => ({ email: t.string({ required: true }) }),
})

const ResetPasswordInputType = builder.inputType('ResetPasswordInput', {
  validate: { schema: ResetPasswordInput },
  fields: (t) => ({
    token: t.string({ required: true, description: 'From the link that was mailed.' }),
    newPassword: t.string({ required: true }),
  }),
})

builder.mutationField('changePassword', (t) =>
  t.field({
    description: 'This session goes on with a new secret; every other one ends.',
    type: AuthPayloadType,
    args: { input: t.arg({ type: ChangePasswordInputType, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.changePassword(input, caller),
  }),
)

builder.mutationField('requestPasswordReset', (t) =>
  t.boolean({
    description: 'Mails a link, if there is such an account; the answer never tells.',
    args: { input: t.arg({ type: RequestPasswordResetInputType, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.requestPasswordReset(input, caller),
  }),
)

builder.mutationField('resetPassword', (t) =>
  t.boolean({
    description: 'Ends every session, and signs nobody in.',
    args: { input: t.arg({ type: ResetPasswordInputType, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.resetPassword(input, caller),
  }),
)
