import {
  RequestEmailVerificationInput,
  UndoEmailChangeInput,
  VerifyEmailInput,
} from '../../contract/inputs.ts'
import { builder } from './builder.ts'

const RequestEmailVerificationInputType = builder.inputType('RequestEmailVerificationInput', {
  validate: { schema: RequestEmailVerificationInput },
  fields: (t) => ({ email: t.string({ required: true }) }),
})

const VerifyEmailInputType = builder.inputType('VerifyEmailInput', {
  validate: { schema: VerifyEmailInput },
  fields: (t) => ({ token: t.string({ required: true, description: 'From the link that was mailed.' }) }),
})

const UndoEmailChangeInputType = builder.inputType('UndoEmailChangeInput', {
  validate: { schema: UndoEmailChangeInput },
  fields: (t) => ({ token: t.string({ required: true, description: 'From the link that was mailed.' }) }),
})

builder.mutationField('requestEmailVerification', (t) =>
  t.boolean({
    description: 'For the signed-in user, or by address when signed out; the answer never tells.',
    args: { input: t.arg({ type: RequestEmailVerificationInputType }) },
    resolve: (_root, { input }, { auth, caller }) => auth.requestEmailVerification(input, caller),
  }),
)

builder.mutationField('verifyEmail', (t) =>
  t.boolean({
    description: 'A first verification and a pending change alike.',
    args: { input: t.arg({ type: VerifyEmailInputType, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.verifyEmail(input, caller),
  }),
)

builder.mutationField('undoEmailChange', (t) =>
  t.boolean({
    description: 'Puts the earlier address back, from the link mailed to it, and ends every session.',
    args: { input: t.arg({ type: UndoEmailChangeInputType, required: true }) },
    resolve: (_root, { input }, { auth, caller }) => auth.undoEmailChange(input, caller),
  }),
)
