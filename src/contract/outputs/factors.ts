import { z } from 'zod'
import { createPicker, Time } from './fields.ts'

const FactorKind = z
  .enum(['TOTP', 'PASSKEY'])
  .meta({ id: 'FactorKind', description: '`TOTP` is an authenticator app that shows six digits.' })

export const Factor = z
  .strictObject({
    id: z.uuid().meta({ examples: ['5b1f0c8e-2d6a-4f3b-9c0d-7e4a1b2c3d4e'] }),
    kind: FactorKind,
    name: z
      .string()
      .nullable()
      .meta({ examples: [null] }),
    createdAt: Time,
    lastUsedAt: Time.nullable(),
  })
  .meta({ id: 'Factor', description: 'A second factor of the account.' })
export type Factor = z.output<typeof Factor>

export const toFactor = createPicker(Factor)

export const TotpEnrollment = z
  .strictObject({
    id: z.string().meta({ format: 'uuid', examples: ['5b1f0c8e-2d6a-4f3b-9c0d-7e4a1b2c3d4e'] }),
    secret: z.string().meta({
      description: 'The key in Base32, to type into the app.',
      examples: ['JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'],
    }),
    uri: z.string().meta({
      description: 'The key as `otpauth://`, to show as a QR code.',
      examples: ['otpauth://totp/auth.example.com:ada%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'],
    }),
    expiresAt: Time,
  })
  .meta({ id: 'TotpEnrollment', description: 'An authenticator app that waits for its first code.' })
export type TotpEnrollment = z.output<typeof TotpEnrollment>

export const RecoveryCodes = z
  .strictObject({
    codes: z
      .array(z.string())
      .nullable()
      .meta({
        description: 'Shown only in this answer. Null if the account has recovery codes already.',
        examples: [['JBSW-Y3DP-EHPK-3PXP-JBSW-Y3DP']],
      }),
  })
  .meta({ id: 'RecoveryCodes' })
export type RecoveryCodes = z.output<typeof RecoveryCodes>

export const FactorRecovery = z
  .strictObject({ endsAt: Time.meta({ description: 'When the link is mailed.' }) })
  .meta({ id: 'FactorRecovery' })
