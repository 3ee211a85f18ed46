import { z } from 'zod'
import type { FactorRow } from '../../db/schema/factors.ts'
import { Json } from '../json.ts'
import { createPicker, Time } from './fields.ts'

export const Passkey = z
  .strictObject({
    id: z.uuid().meta({ examples: ['5b1f0c8e-2d6a-4f3b-9c0d-7e4a1b2c3d4e'] }),
    name: z
      .string()
      .nullable()
      .meta({ examples: ['Work laptop'] }),
    isSynced: z
      .boolean()
      .meta({ description: 'Whether the passkey is shared among the devices of its user.' }),
    createdAt: Time,
    lastUsedAt: Time.nullable(),
  })
  .meta({ id: 'Passkey' })
export type Passkey = z.output<typeof Passkey>

const pick = createPicker(Passkey)

export const toPasskey = (row: Pick<FactorRow, keyof Passkey>): Passkey =>
  pick({ ...row, isSynced: row.isSynced ?? false })

export const PasskeyCeremony = z
  .strictObject({
    id: z.string().meta({ format: 'uuid', examples: ['5b1f0c8e-2d6a-4f3b-9c0d-7e4a1b2c3d4e'] }),
    options: Json.meta({
      description:
        'For `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`, and then the ' +
        'browser’s `navigator.credentials`.',
      examples: [{ challenge: 'AZ3yVd1tSjuq0yl3yVd1tSjuq0yl3yVd1tSjuq0yl3w', rpId: 'example.com' }],
    }),
    expiresAt: Time,
  })
  .meta({ id: 'PasskeyCeremony', description: 'A ceremony of WebAuthn that a browser has begun.' })
export type PasskeyCeremony = z.output<typeof PasskeyCeremony>

const CredentialIds = z.array(z.string()).meta({ examples: [['AQIDBAUGBwg']] })

export const PasskeySignals = z
  .strictObject({
    rpId: z.string().meta({ examples: ['example.com'] }),
    userId: z
      .string()
      .meta({ description: 'The handle of the account in passkeys.', examples: ['q83vEjRWeJA'] }),
    allAcceptedCredentialIds: CredentialIds,
    imported: z
      .array(
        z
          .strictObject({ userId: z.string(), allAcceptedCredentialIds: CredentialIds })
          .meta({ id: 'ImportedPasskeySignals' }),
      )
      .meta({
        description:
          'The same for imported passkeys, which have the handle of another system: call the methods for each of these too.',
        examples: [[]],
      }),
    name: z.string().meta({ examples: ['ada@example.com'] }),
    displayName: z.string().meta({ examples: ['ada@example.com'] }),
  })
  .meta({
    id: 'PasskeySignals',
    description:
      'The arguments of the signal methods of `PublicKeyCredential`, with which a browser forgets passkeys.',
  })
export type PasskeySignals = z.output<typeof PasskeySignals>
