import { z } from 'zod'
import { Email, profile } from '../fields.ts'
import { FRESHNESS_SECONDS, MAX_PROOF_AGE_SECONDS } from '../lifetimes.ts'
import { mutation, query } from '../operation.ts'
import { AccountExport } from '../outputs/account-export.ts'
import { AuthPayload } from '../outputs/auth-payload.ts'
import { User } from '../outputs/user.ts'
import { NewPassword, Password } from '../password.ts'

const password = 'a long enough phrase'

const FRESH_COOKIE = `the cookie of a session that signed in within ${FRESHNESS_SECONDS / 60} minutes`
const MAX_PROOF_AGE = `${MAX_PROOF_AGE_SECONDS / 60} minutes`

const UpdateMeInput = z
  .strictObject({
    ...profile,
    email: Email.nullish().meta({
      description: `Needs \`currentPassword\`, or ${FRESH_COOKIE}.`,
    }),
    currentPassword: Password.nullish(),
  })
  .meta({ id: 'UpdateMeInput', description: 'A field that is left out stays as it is; null clears it.' })

const DeleteMeInput = z
  .strictObject({
    password: Password.nullish().meta({
      description: `Needed, unless the request has ${FRESH_COOKIE}.`,
    }),
  })
  .meta({ id: 'DeleteMeInput' })

const ChangePasswordInput = z
  .strictObject({ currentPassword: Password, newPassword: NewPassword })
  .meta({ id: 'ChangePasswordInput' })

export const accountOperations = {
  me: query({
    tag: 'Account',
    summary: 'The signed-in user',
    description:
      'GraphQL answers null to a request without credentials, REST answers `UNAUTHENTICATED`; invalid credentials are ' +
      'always an error. A revoked session, a changed password and a deleted account take effect within a quarter of a second.',
    output: User.nullable(),
    credentials: ['bearer', 'cookie'],
    refusals: ['SERVICE_UNAVAILABLE'],
    rest: { method: 'GET', path: '/auth/me', status: 200 },
  }),

  updateMe: mutation({
    tag: 'Account',
    summary: 'Change the user name, the language or the e-mail address',
    description:
      `A new address needs the current password, or ${FRESH_COOKIE}. If the present address ` +
      'is verified, the new one is `pendingEmail` until its owner follows the mailed link; otherwise the change takes ' +
      `effect at once and all other sessions end. An account with a second factor then also needs one of the last ${MAX_PROOF_AGE}.`,
    input: UpdateMeInput,
    example: { username: 'Ada Lovelace' },
    output: User,
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    refusals: [
      'INVALID_CREDENTIALS',
      'REAUTHENTICATION_REQUIRED',
      'EMAIL_TAKEN',
      'TOO_MANY_REQUESTS',
      'SERVICE_UNAVAILABLE',
    ],
    rest: { method: 'PUT', path: '/auth/me', status: 200, cookie: 'set' },
  }),

  exportMe: query({
    tag: 'Account',
    summary: 'Everything that is kept about the user',
    description:
      'One object: the account, its sessions, factors, mailed links, mails, places and events, and what is pending. It ' +
      'has no secrets, neither hashed nor encrypted. Members may be added. Needs a proof that was given in this session ' +
      `within ${MAX_PROOF_AGE}: of a factor if the account has one, otherwise of the password. See \`stepUp\`.`,
    output: AccountExport,
    credentials: ['bearer', 'cookie'],
    refusals: ['REAUTHENTICATION_REQUIRED', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'GET', path: '/auth/me/export', status: 200 },
  }),

  deleteMe: mutation({
    tag: 'Account',
    summary: 'Delete the account and everything that belongs to it',
    description: `Needs the password, or ${FRESH_COOKIE}.`,
    input: DeleteMeInput.prefault({}),
    example: { password },
    output: z.boolean(),
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    refusals: [
      'FORBIDDEN',
      'INVALID_CREDENTIALS',
      'REAUTHENTICATION_REQUIRED',
      'TOO_MANY_REQUESTS',
      'SERVICE_UNAVAILABLE',
    ],
    rest: { method: 'DELETE', path: '/auth/me', status: 204, cookie: 'cleared' },
  }),

  changePassword: mutation({
    tag: 'Account',
    summary: 'Change the password',
    description:
      'This session continues with a new secret; every other session ends. With transport `TOKEN`, the former refresh token ' +
      'stops working at once: keep the new one. Mailed links that reset the password or verify an address stop working too, and ' +
      'so does one that is still to be sent: request another.',
    input: ChangePasswordInput,
    example: { currentPassword: password, newPassword: 'a longer phrase still' },
    output: AuthPayload,
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    refusals: ['INVALID_CREDENTIALS', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'PUT', path: '/auth/password', status: 200, cookie: 'set' },
  }),
}
