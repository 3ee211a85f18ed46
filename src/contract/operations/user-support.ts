import { z } from 'zod'
import { Email } from '../fields.ts'
import { administrationMutation, administrationQuery } from '../operation.ts'
import { LoginWait } from '../outputs/administration/managed-user.ts'
import { FactorRecovery } from '../outputs/factors.ts'
import { ABOVE, exampleId, id } from './users.ts'

const StartEmailChangeInput = z
  .strictObject({
    id,
    email: Email.meta({ description: 'The new address; the present one cancels a change.' }),
  })
  .meta({ id: 'StartEmailChangeInput' })

/** Help for a user who cannot sign in. */
export const userSupportOperations = {
  startEmailChange: administrationMutation({
    summary: 'Mail a link to another address, which makes it that of a user',
    description:
      'For a user who has lost the mailbox. Nothing changes before the link is used: with a session or the password, by ' +
      '`verifyEmail`, or with a new password, by `resetPassword`. Second factors stay. A verified mailbox gets a link ' +
      'that cancels the change, and later one that undoes it. A change of the roles or claims of the account ends it. ' +
      'The address of an invitation that waits changes at once, and the invitation is mailed there. The caller must hold ' +
      'every permission of the account, also those of other services. No administrator changes its own account this way.',
    input: StartEmailChangeInput,
    example: { id: exampleId, email: 'ada@example.com' },
    output: z.boolean(),
    permission: 'addresses:write',
    handlesCredential: true,
    refusals: ['NOT_FOUND', 'EMAIL_TAKEN'],
    rest: { method: 'POST', path: '/auth/admin/users/:id/email-change', status: 202 },
  }),

  startPasswordReset: administrationMutation({
    summary: 'Mail a link that sets a new password to a user',
    description: `The current password still works. ${ABOVE}`,
    input: z.strictObject({ id }),
    output: z.boolean(),
    permission: 'users:write',
    handlesCredential: true,
    refusals: ['NOT_FOUND'],
    rest: { method: 'POST', path: '/auth/admin/users/:id/password-reset', status: 202 },
  }),

  startFactorRecovery: administrationMutation({
    summary: 'Start to replace the lost factors of a user',
    description:
      'The mailbox gets a notice now, and a link after the wait. Any sign-in with a factor stops it. `NOT_FOUND` for an ' +
      `account without a factor. ${ABOVE}`,
    input: z.strictObject({ id }),
    output: FactorRecovery,
    permission: 'users:write',
    handlesCredential: true,
    refusals: ['NOT_FOUND'],
    rest: { method: 'POST', path: '/auth/admin/users/:id/factor-recovery', status: 200 },
  }),

  resendVerification: administrationMutation({
    summary: 'Mail the link that verifies the address of a user again',
    description: `An account that was invited gets a new invitation, and the link of the former one stops working. A verified one gets nothing. ${ABOVE}`,
    input: z.strictObject({ id }),
    output: z.boolean(),
    permission: 'users:write',
    handlesCredential: true,
    refusals: ['NOT_FOUND'],
    rest: { method: 'POST', path: '/auth/admin/users/:id/email-verification', status: 202 },
  }),

  loginWaits: administrationQuery({
    summary: 'Where attempts to sign in to an account must wait',
    description: 'The waits follow from wrong passwords and wrong codes.',
    input: z.strictObject({ id }),
    output: z.array(LoginWait),
    permission: 'users:read',
    refusals: ['NOT_FOUND'],
    rest: { method: 'GET', path: '/auth/admin/users/:id/waits', status: 200 },
  }),

  clearLoginWaits: administrationMutation({
    summary: 'End the waits of an account',
    description: `Returns how many ended. Failed attempts are forgotten too. Each account has a limit for a day. ${ABOVE}`,
    input: z.strictObject({ id }),
    output: z
      .int()
      .min(0)
      .meta({ description: 'How many waits ended.', examples: [1] }),
    permission: 'users:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: {
      method: 'DELETE',
      path: '/auth/admin/users/:id/waits',
      status: 200,
      wrap: { member: 'cleared', id: 'Cleared' },
    },
  }),
}
