import { z } from 'zod'
import { RowId as id, PasskeyName, PasskeyProof, TransportChoice } from '../fields.ts'
import { mutation, query } from '../operation.ts'
import { AuthPayload } from '../outputs/auth-payload.ts'
import { Passkey, PasskeyCeremony, PasskeySignals } from '../outputs/passkeys.ts'
import { NEEDS_PROOF } from './factors.ts'

const ceremony = '5b1f0c8e-2d6a-4f3b-9c0d-7e4a1b2c3d4e'
const response = { id: 'AQIDBAUGBwg', rawId: 'AQIDBAUGBwg', type: 'public-key', response: {} }

const AddPasskeyInput = z
  .strictObject({ ...PasskeyProof.shape, name: PasskeyName })
  .meta({ id: 'AddPasskeyInput' })

const RenamePasskeyInput = z.strictObject({ id, name: PasskeyName }).meta({ id: 'RenamePasskeyInput' })

const LoginWithPasskeyInput = z
  .strictObject({ ...PasskeyProof.shape, transport: TransportChoice })
  .meta({ id: 'LoginWithPasskeyInput' })

export const passkeyOperations = {
  beginPasskey: mutation({
    tag: 'Passkeys',
    summary: 'Begin to add a passkey',
    description: `The browser creates the passkey with \`options\`. ${NEEDS_PROOF}`,
    output: PasskeyCeremony,
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    enrolls: true,
    refusals: ['INVALID_INPUT', 'REAUTHENTICATION_REQUIRED', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/passkeys/options', status: 201 },
  }),

  addPasskey: mutation({
    tag: 'Passkeys',
    summary: 'Add the passkey that the browser has created',
    description:
      'A passkey is a second factor too. This session continues as `aal2`, with a new secret if it has transport ' +
      `\`COOKIE\`; every other session ends. Get recovery codes with \`renewRecoveryCodes\`. ${NEEDS_PROOF}`,
    input: AddPasskeyInput,
    example: { ceremony, response, name: 'Work laptop' },
    output: Passkey,
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    enrolls: true,
    refusals: [
      'INVALID_TOKEN',
      'INVALID_CREDENTIALS',
      'REAUTHENTICATION_REQUIRED',
      'TOO_MANY_REQUESTS',
      'SERVICE_UNAVAILABLE',
    ],
    rest: { method: 'POST', path: '/auth/passkeys', status: 201, cookie: 'set' },
  }),

  passkeys: query({
    tag: 'Passkeys',
    summary: "The account's passkeys, oldest first",
    description: 'They are among the `factors` too.',
    output: z.array(Passkey),
    credentials: ['bearer', 'cookie'],
    enrolls: true,
    refusals: ['SERVICE_UNAVAILABLE'],
    rest: { method: 'GET', path: '/auth/passkeys', status: 200 },
  }),

  renamePasskey: mutation({
    tag: 'Passkeys',
    summary: 'Give a passkey another name',
    description: 'The name is for its user only. Takes a recent factor, as every change of factors does.',
    input: RenamePasskeyInput,
    example: { id: ceremony, name: 'Phone' },
    output: Passkey,
    handlesCredential: false,
    credentials: ['bearer', 'cookie'],
    refusals: ['NOT_FOUND', 'REAUTHENTICATION_REQUIRED', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'PATCH', path: '/auth/passkeys/:id', status: 200 },
  }),

  removePasskey: mutation({
    tag: 'Passkeys',
    summary: 'Remove a passkey',
    description:
      'Works like `removeFactor`. Then call the signal methods of the browser with `passkeySignals`.',
    input: z.strictObject({ id }),
    output: z.boolean(),
    handlesCredential: true,
    credentials: ['bearer', 'cookie'],
    refusals: ['NOT_FOUND', 'REAUTHENTICATION_REQUIRED', 'TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'DELETE', path: '/auth/passkeys/:id', status: 204, cookie: 'set' },
  }),

  passkeySignals: query({
    tag: 'Passkeys',
    summary: 'The valid passkeys, for the signal methods of a browser',
    description:
      'For `signalAllAcceptedCredentials` and `signalCurrentUserDetails` of `PublicKeyCredential`.',
    output: PasskeySignals,
    credentials: ['bearer', 'cookie'],
    refusals: ['SERVICE_UNAVAILABLE'],
    rest: { method: 'GET', path: '/auth/passkeys/signals', status: 200 },
  }),

  beginPasskeyLogin: mutation({
    tag: 'Passkeys',
    summary: 'Begin to sign in with a passkey',
    description:
      'Needs no address: the browser shows the passkeys of its user. The ceremony can also be the `passkey` of a ' +
      '`FactorProof`.',
    output: PasskeyCeremony,
    handlesCredential: true,
    refusals: ['TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/login/passkey/options', status: 201 },
  }),

  loginWithPasskey: mutation({
    tag: 'Passkeys',
    summary: 'Sign in with a passkey',
    description:
      'The passkey has verified its user, so the session has `aal2`. A ceremony can be tried once. The caller’s former ' +
      'session ends.',
    input: LoginWithPasskeyInput,
    example: { ceremony, response, transport: 'TOKEN' },
    output: AuthPayload,
    handlesCredential: true,
    refusals: ['INVALID_CREDENTIALS', 'EMAIL_NOT_VERIFIED', 'SERVICE_UNAVAILABLE'],
    rest: { method: 'POST', path: '/auth/login/passkey', status: 200, cookie: 'set' },
  }),
}
