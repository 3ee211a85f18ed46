import { z } from 'zod'
import { Email, MailedToken } from '../fields.ts'
import { mutation } from '../operation.ts'
import { NewPassword, Password } from '../password.ts'

const email = 'ada@example.com'
const token = 'AZ3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq'

const RequestPasswordResetInput = z.strictObject({ email: Email }).meta({ id: 'RequestPasswordResetInput' })

const ResetPasswordInput = z
  .strictObject({ token: MailedToken, newPassword: NewPassword })
  .meta({ id: 'ResetPasswordInput' })

const AcceptInvitationInput = z
  .strictObject({ token: MailedToken, password: NewPassword })
  .meta({ id: 'AcceptInvitationInput' })

const RequestEmailVerificationInput = z
  .strictObject({
    email: Email.nullish().meta({
      description:
        'Left out, the link goes to the signed-in user. Upper and lower case are equal, and spaces around the address ' +
        'are ignored.',
    }),
  })
  .meta({ id: 'RequestEmailVerificationInput' })

const VerifyEmailInput = z
  .strictObject({
    token: MailedToken,
    password: Password.nullish().meta({
      description: 'The password of the account. Needed if the request has no session of the account.',
    }),
  })
  .meta({ id: 'VerifyEmailInput' })

const newPassword = NewPassword.nullish().meta({
  description: 'Left out, the account gets a mail with a link that sets a new password.',
})

const UndoEmailChangeInput = z
  .strictObject({ token: MailedToken, newPassword })
  .meta({ id: 'UndoEmailChangeInput' })

const CancelEmailChangeInput = z.strictObject({ token: MailedToken }).meta({ id: 'CancelEmailChangeInput' })

const ReportSignInInput = z
  .strictObject({ token: MailedToken, newPassword })
  .meta({ id: 'ReportSignInInput' })

export const mailedLinkOperations = {
  requestPasswordReset: mutation({
    tag: 'By mail',
    summary: 'Mail a link that sets a new password',
    description: 'The answer is the same whether or not the address has an account.',
    input: RequestPasswordResetInput,
    example: { email },
    output: z.boolean(),
    handlesCredential: true,
    refusals: ['TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/password-reset', status: 202 },
  }),

  resetPassword: mutation({
    tag: 'By mail',
    summary: 'Set a new password with a mailed token',
    description:
      'Every session of the account ends, and no session is opened. The token of the first verification of an address ' +
      'works too: it also verifies the address, and voids everything that was set up for the account before. The token ' +
      'of a change of address that an administrator has started works too, and changes the address.',
    input: ResetPasswordInput,
    example: { token, newPassword: 'a longer phrase still' },
    output: z.boolean(),
    handlesCredential: true,
    refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/password-reset/confirm', status: 204, cookie: 'device' },
  }),

  acceptInvitation: mutation({
    tag: 'By mail',
    summary: 'Choose the password of an account that an administrator has created',
    description: 'Verifies the address. No session is opened.',
    input: AcceptInvitationInput,
    example: { token, password: 'a long enough phrase' },
    output: z.boolean(),
    handlesCredential: true,
    refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/invitations/accept', status: 204, cookie: 'device' },
  }),

  requestEmailVerification: mutation({
    tag: 'By mail',
    summary: 'Mail a link that verifies an address',
    description:
      'Without `email` the link goes to the signed-in user: to the pending address if there is one. With `email` it ' +
      'goes to that address, and the answer is the same whether or not the address has an account.',
    input: RequestEmailVerificationInput.prefault({}),
    example: { email },
    output: z.boolean(),
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    credentialsOptional: true,
    refusals: ['TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/email-verification', status: 202 },
  }),

  verifyEmail: mutation({
    tag: 'By mail',
    summary: 'Verify an address, or confirm a pending change of address',
    description:
      'The caller shows that the account is theirs: by a session of it, or by its password. Otherwise nothing changes, ' +
      'and the token stays valid. After a change the session that asked for it continues, or if an administrator ' +
      'started it, the session of the request. It gets a new secret if the request carries its cookie. An account that only ' +
      'claimed the new address, and never verified it, is deleted.',
    input: VerifyEmailInput,
    example: { token, password: 'a long enough phrase' },
    output: z.boolean(),
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    credentialsOptional: true,
    refusals: [
      'INVALID_TOKEN',
      'INVALID_CREDENTIALS',
      'REAUTHENTICATION_REQUIRED',
      'TOO_MANY_REQUESTS',
      'SERVICE_UNAVAILABLE',
    ],
    rest: { method: 'POST', path: '/auth/email-verification/confirm', status: 204, cookie: 'set' },
  }),

  cancelEmailChange: mutation({
    tag: 'By mail',
    summary: 'Cancel a pending change of address',
    description: 'The link is mailed to the present address when the change is asked for.',
    input: CancelEmailChangeInput,
    example: { token },
    output: z.boolean(),
    handlesCredential: true,
    refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/email-change/cancel', status: 204 },
  }),

  undoEmailChange: mutation({
    tag: 'By mail',
    summary: 'Put the earlier address back',
    description:
      'The link is mailed to the earlier address. Every session ends, the password no longer works, and everything is void ' +
      'that was set up since the change, or since an earlier sign-in that can still be reported. `newPassword` becomes the password of the account; without it, a mail leads ' +
      'to a new one.',
    input: UndoEmailChangeInput,
    example: { token, newPassword: 'a longer phrase still' },
    output: z.boolean(),
    handlesCredential: true,
    refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/email-change/undo', status: 204, cookie: 'device' },
  }),

  reportSignIn: mutation({
    tag: 'By mail',
    summary: 'Say that a sign-in was not by the owner',
    description:
      'The link is mailed when an account signs in from a new place. Its session ends, and so do all others; the ' +
      'password no longer works, and factors are void that were added since, or since an earlier sign-in that can still be ' +
      'reported. `newPassword` becomes the password of the account; without it, a mail leads to a new one.',
    input: ReportSignInInput,
    example: { token, newPassword: 'a longer phrase still' },
    output: z.boolean(),
    handlesCredential: true,
    refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/sign-in-reports', status: 204, cookie: 'device' },
  }),
}
