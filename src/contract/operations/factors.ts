import { z } from 'zod'
import { EnrollmentCode, OpaqueId } from '../fields.ts'
import { mutation } from '../operation.ts'
import { RecoveryCodes, TotpEnrollment } from '../outputs/factors.ts'

const id = '5b1f0c8e-2d6a-4f3b-9c0d-7e4a1b2c3d4e'

const ConfirmTotpInput = z
  .strictObject({ id: OpaqueId, code: EnrollmentCode })
  .meta({ id: 'ConfirmTotpInput' })

const NEEDS =
  'The first factor needs a password that was given in this session within 5 minutes, a further one a factor.'

export const factorOperations = {
  beginTotp: mutation({
    tag: 'Second factor',
    summary: 'Begin to add an authenticator app',
    description: `Show \`uri\` as a QR code, and confirm with a code of the app. ${NEEDS}`,
    output: TotpEnrollment,
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    refusals: ['REAUTHENTICATION_REQUIRED', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/factors/totp', status: 201 },
  }),

  confirmTotp: mutation({
    tag: 'Second factor',
    summary: 'Add the authenticator app whose code proves that it works',
    description:
      'From now on a sign-in needs a factor. This session continues as `aal2`, with a new secret if it has transport ' +
      `\`COOKIE\`; every other session ends. The first factor also gives ten recovery codes. ${NEEDS}`,
    input: ConfirmTotpInput,
    example: { id, code: '123456' },
    output: RecoveryCodes,
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    refusals: [
      'NOT_FOUND',
      'INVALID_CREDENTIALS',
      'REAUTHENTICATION_REQUIRED',
      'TOO_MANY_REQUESTS',
      'SERVICE_UNAVAILABLE',
    ],
    rest: { method: 'POST', path: '/auth/factors/totp/:id/confirm', status: 200, cookie: 'set' },
  }),
}
