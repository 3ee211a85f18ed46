import { z } from 'zod'
import { FactorProof, MailedToken, OpaqueId, OwnRowId, TotpCode } from '../fields.ts'
import { MAX_PROOF_AGE_SECONDS, RECOVERY_WAIT_SECONDS } from '../lifetimes.ts'
import { mutation, query } from '../operation.ts'
import { AuthPayload } from '../outputs/auth-payload.ts'
import { Factor, FactorRecovery, RecoveryCodes, TotpEnrollment } from '../outputs/factors.ts'
import { Password } from '../password.ts'

const id = '5b1f0c8e-2d6a-4f3b-9c0d-7e4a1b2c3d4e'

const ConfirmTotpInput = z.strictObject({ id: OpaqueId, code: TotpCode }).meta({ id: 'ConfirmTotpInput' })

const StepUpInput = z
  .strictObject({ password: Password.nullish(), proof: FactorProof.nullish() })
  .refine(({ password, proof }) => password || proof, 'Must have the password or a proof.')
  .meta({ id: 'StepUpInput' })

const UndoFactorChangeInput = z.strictObject({ token: MailedToken }).meta({ id: 'UndoFactorChangeInput' })

const RequestFactorRecoveryInput = z
  .strictObject({ challenge: OpaqueId })
  .meta({ id: 'RequestFactorRecoveryInput' })

const MAX_PROOF_AGE = `${MAX_PROOF_AGE_SECONDS / 60} minutes`
const NEEDS_FACTOR = `Needs a factor that was proven in this session within ${MAX_PROOF_AGE}: see \`stepUp\`.`

export const NEEDS_PROOF = `Needs a proof in this session within ${MAX_PROOF_AGE}: the password for the first factor, a factor for a further one.`

export const factorOperations = {
  beginTotp: mutation({
    tag: 'Second factor',
    summary: 'Begin to add an authenticator app',
    description: `Show \`uri\` as a QR code, and confirm with a code of the app. ${NEEDS_PROOF}`,
    output: TotpEnrollment,
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    enrolls: true,
    refusals: ['REAUTHENTICATION_REQUIRED', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/factors/totp', status: 201 },
  }),

  confirmTotp: mutation({
    tag: 'Second factor',
    summary: 'Add the authenticator app whose code proves that it works',
    description:
      'From now on a sign-in needs a factor. This session continues as `aal2`, with a new secret if it has transport ' +
      `\`COOKIE\`; every other session ends. The first factor also gives ten recovery codes. ${NEEDS_PROOF}`,
    input: ConfirmTotpInput,
    example: { id, code: '123456' },
    output: RecoveryCodes,
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    enrolls: true,
    refusals: [
      'NOT_FOUND',
      'INVALID_CREDENTIALS',
      'REAUTHENTICATION_REQUIRED',
      'TOO_MANY_REQUESTS',
      'SERVICE_UNAVAILABLE',
    ],
    rest: { method: 'POST', path: '/auth/factors/totp/:id/confirm', status: 200, cookie: 'set' },
  }),

  factors: query({
    tag: 'Second factor',
    summary: "The account's second factors, oldest first",
    description: 'Recovery codes are not listed.',
    output: z.array(Factor),
    credentials: ['bearer', 'cookie'],
    enrolls: true,
    refusals: ['SERVICE_UNAVAILABLE'],
    rest: { method: 'GET', path: '/auth/factors', status: 200 },
  }),

  removeFactor: mutation({
    tag: 'Second factor',
    summary: 'Remove a second factor',
    description:
      'Every other session ends, and this one gets a new secret if it has transport `COOKIE`. The mailbox gets a link that ' +
      `undoes the removal. The last way in cannot be removed. ${NEEDS_FACTOR}`,
    input: z.strictObject({ id: OwnRowId }),
    output: z.boolean(),
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    refusals: ['NOT_FOUND', 'REAUTHENTICATION_REQUIRED', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'DELETE', path: '/auth/factors/:id', status: 204, cookie: 'set' },
  }),

  renewRecoveryCodes: mutation({
    tag: 'Second factor',
    summary: 'Replace the recovery codes',
    description: `The earlier codes stop working, and every other session ends. ${NEEDS_FACTOR}`,
    output: RecoveryCodes,
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    refusals: ['NOT_FOUND', 'REAUTHENTICATION_REQUIRED', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/recovery-codes', status: 200, cookie: 'set' },
  }),

  undoFactorChange: mutation({
    tag: 'Second factor',
    summary: 'Restore a removed factor',
    description:
      'Takes the token of the link that is mailed when a factor is removed. Every session ends, the password no longer ' +
      'works, and a mail leads to a new one. Factors and recovery codes that are newer than the restored factor are void.',
    input: UndoFactorChangeInput,
    example: { token: 'AZ3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq' },
    output: z.boolean(),
    handlesCredential: true,
    refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/factors/undo', status: 204, cookie: 'device' },
  }),

  stepUp: mutation({
    tag: 'Second factor',
    summary: 'Prove the password or a factor again in this session',
    description:
      'The session gets a new secret, and the new access token carries the proof. With transport `TOKEN`, the former refresh ' +
      'token stops working at once: keep the new one. `REAUTHENTICATION_REQUIRED` says which proof another operation needs. Where a factor counts, a password alone does not renew `authenticatedAt`.',
    input: StepUpInput,
    example: { proof: { totp: '123456' } },
    output: AuthPayload,
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    enrolls: true,
    refusals: ['INVALID_CREDENTIALS', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/step-up', status: 200, cookie: 'set' },
  }),

  requestFactorRecovery: mutation({
    tag: 'Second factor',
    summary: 'Start to replace lost factors',
    description:
      'Takes the challenge of a sign-in whose password was right. The mailbox gets a notice now, and a link after ' +
      `${RECOVERY_WAIT_SECONDS / 3600} hours. ` +
      'The token of the link is the `recoveryToken` of `completeLogin`, which then removes all factors. Any sign-in with a ' +
      'factor stops the recovery.',
    input: RequestFactorRecoveryInput,
    example: { challenge: id },
    output: FactorRecovery,
    handlesCredential: true,
    refusals: ['INVALID_TOKEN', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/factors/recovery', status: 200 },
  }),
}
