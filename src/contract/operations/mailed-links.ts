import { z } from 'zod'
import { Email, MailedToken, NewPassword } from '../fields.ts'
import { mutation } from '../operation.ts'

const email = 'ada@example.com'
const token = 'AZ3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq'

const RequestPasswordResetInput = z.strictObject({ email: Email }).meta({ id: 'RequestPasswordResetInput' })

const ResetPasswordInput = z
  .strictObject({ token: MailedToken, newPassword: NewPassword })
  .meta({ id: 'ResetPasswordInput' })

const RequestEmailVerificationInput = z
  .strictObject({ email: Email })
  .meta({ id: 'RequestEmailVerificationInput' })

const VerifyEmailInput = z.strictObject({ token: MailedToken }).meta({ id: 'VerifyEmailInput' })

const UndoEmailChangeInput = z.strictObject({ token: MailedToken }).meta({ id: 'UndoEmailChangeInput' })

export const mailedLinkOperations = {
  requestPasswordReset: mutation({
    tag: 'By mail',
    summary: 'Mail a link that sets a new password',
    description: 'The answer is the same whether or not the address has an account.',
    input: RequestPasswordResetInput,
    example: { email },
    output: z.boolean(),
    handlesCredential: true,
    refusals: ['SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/password-reset', status: 202 },
  }),

  resetPassword: mutation({
    tag: 'By mail',
    summary: 'Set a new password with a mailed token',
    description: 'Every session of the account ends, and no session is opened.',
    input: ResetPasswordInput,
    example: { token, newPassword: 'a longer phrase still' },
    output: z.boolean(),
    handlesCredential: true,
    refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/password-reset/confirm', status: 204 },
  }),

  requestEmailVerification: mutation({
    tag: 'By mail',
    summary: 'Mail a link that verifies an address',
    description:
      'Without an input the link goes to the signed-in user: to the pending address if there is one. With an input it ' +
      'goes to that address, and the answer is the same whether or not the address has an account.',
    input: RequestEmailVerificationInput.optional(),
    example: { email },
    output: z.boolean(),
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    credentialsOptional: true,
    refusals: ['SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/email-verification', status: 202 },
  }),

  verifyEmail: mutation({
    tag: 'By mail',
    summary: 'Verify an address, or confirm a pending change of address',
    description:
      'After a change the session that asked for it continues, with a new secret if the request carries its cookie.',
    input: VerifyEmailInput,
    example: { token },
    output: z.boolean(),
    handlesCredential: true,
    refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/email-verification/confirm', status: 204, cookie: 'set' },
  }),

  undoEmailChange: mutation({
    tag: 'By mail',
    summary: 'Put the earlier address back',
    description: 'The link is mailed to the earlier address and is valid for 72 hours. Every session ends.',
    input: UndoEmailChangeInput,
    example: { token },
    output: z.boolean(),
    handlesCredential: true,
    refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/email-change/undo', status: 204 },
  }),
}
