import { createHash } from 'node:crypto'
import type {
  AuthenticationResponseJSON,
  CredentialDeviceType,
  RegistrationResponseJSON,
} from '@simplewebauthn/server'
import { MAX_CHALLENGE_AGE_SECONDS } from '../factors/challenges.ts'

export type RelyingParty = ReturnType<typeof createRelyingParty>

/** The stored part of a passkey. `userHandle` is null for the handle of this server, `isSynced` if it is not known yet. */
type StoredPasskey = {
  credentialId: string
  publicKey: string
  isSynced: boolean | null
  userHandle: string | null
}

type Settings = {
  /** The domain that passkeys belong to, for example `example.com`. */
  id: string
  name: string
  /** The origins of pages and apps that may use them. */
  origins: string[]
}

/** COSE algorithms: EdDSA, ES256, RS256. */
export const ALGORITHMS = [-8, -7, -257]

/** A longer id is refused (section 7.1). It would not fit into an index of the database either. */
export const MAX_CREDENTIAL_ID_BYTES = 1023

/** A browser waits for its user as long as the server waits for the browser. */
const timeout = MAX_CHALLENGE_AGE_SECONDS * 1000

/**
 * The server's part of WebAuthn Level 3: options for browsers, and the checks of sections 7.1 and 7.2. A passkey is
 * discoverable, so no address is asked, and always verifies its user, so that it is two factors in one gesture.
 */
export function createRelyingParty({ id, name, origins }: Settings) {
  const expected = { expectedOrigin: origins, expectedRPID: id, requireUserVerification: true }
  // Loaded when a first user has a passkey: it would take a tenth of the time until the server is ready.
  const load = () => import('@simplewebauthn/server')

  return {
    id,
    origins,

    /** The options for `navigator.credentials.create`. `present` are the passkeys that the account has. */
    async createOptions(ceremony: string, user: { id: string; email: string }, present: string[]) {
      const { generateRegistrationOptions } = await load()
      return generateRegistrationOptions({
        rpName: name,
        rpID: id,
        userID: toUserHandle(user.id),
        userName: user.email,
        userDisplayName: user.email,
        challenge: toChallenge(ceremony),
        timeout,
        attestationType: 'none',
        supportedAlgorithmIDs: ALGORITHMS,
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        excludeCredentials: present.map((credentialId) => ({ id: credentialId })),
      })
    },

    /** The options for `navigator.credentials.get`. They name no passkey, so they reveal no account. */
    async getOptions(ceremony: string) {
      const { generateAuthenticationOptions } = await load()
      const challenge = toChallenge(ceremony)
      return generateAuthenticationOptions({ rpID: id, challenge, timeout, userVerification: 'required' })
    },

    /** Null if the response is not one to these options. */
    async verifyCreated(ceremony: string, response: Record<string, unknown>) {
      if (isFromForeignFrame(response)) return null
      const { verifyRegistrationResponse } = await load()
      const verified = await verifyRegistrationResponse({
        ...expected,
        response: response as never as RegistrationResponseJSON,
        expectedChallenge: toChallenge(ceremony).toString('base64url'),
        supportedAlgorithmIDs: ALGORITHMS,
      }).catch(() => null)
      if (!verified?.verified) return null
      const { credential, credentialDeviceType } = verified.registrationInfo
      if (Buffer.byteLength(credential.id, 'base64url') > MAX_CREDENTIAL_ID_BYTES) return null
      return {
        credentialId: credential.id,
        publicKey: Buffer.from(credential.publicKey).toString('base64url'),
        signCount: credential.counter,
        isSynced: isShared(credentialDeviceType),
      }
    },

    /**
     * Null if the response is not one of this passkey, of its owner and to these options.
     * @param owner `isIdentified` if the sign-in has named the account before
     */
    async verifyUsed(
      ceremony: string,
      response: Record<string, unknown>,
      passkey: StoredPasskey,
      owner: { id: string; isIdentified: boolean },
    ) {
      const handle = passkey.userHandle ?? toUserHandle(owner.id).toString('base64url')
      if (isFromForeignFrame(response) || !hasHandle(handle, response, owner)) return null
      const { verifyAuthenticationResponse } = await load()
      const verified = await verifyAuthenticationResponse({
        ...expected,
        response: response as never as AuthenticationResponseJSON,
        expectedChallenge: toChallenge(ceremony).toString('base64url'),
        // The statement that uses the passkey compares the counters, so that of two uses at once only one counts.
        credential: {
          id: passkey.credentialId,
          publicKey: Buffer.from(passkey.publicKey, 'base64url'),
          counter: 0,
        },
      }).catch(() => null)
      if (!verified?.verified) return null
      const { credentialDeviceType, newCounter } = verified.authenticationInfo
      const isSynced = isShared(credentialDeviceType)
      // Whether a key can leave its device never changes (section 7.2, step 20).
      return (passkey.isSynced ?? isSynced) === isSynced ? { signCount: newCounter, isSynced } : null
    },
  }
}

/** The stable handle of an account: 64 bytes without personal data (WebAuthn, section 14.6.1). */
export const toUserHandle = (userId: string) => createHash('sha512').update(`passkeys of ${userId}`).digest()

/** The id of a ceremony is random and used once, and so is a challenge that derives from it. */
export const toChallenge = (ceremony: string) =>
  createHash('sha256').update(`passkey challenge ${ceremony}`).digest()

/** Whether the devices of its user share a passkey. */
const isShared = (deviceType: CredentialDeviceType) => deviceType === 'multiDevice'

/**
 * The handle names the account. It may be missing only if the sign-in has named the account (section 7.2, step 6). An
 * imported passkey has that of the other system, and no other one counts for it.
 */
function hasHandle(
  handle: string,
  { response }: Record<string, unknown>,
  { isIdentified }: { isIdentified: boolean },
) {
  const { userHandle } = (response ?? {}) as { userHandle?: unknown }
  const isMissing = userHandle === undefined || userHandle === null
  return isMissing ? isIdentified : userHandle === handle
}

/** Whether the page was in a frame of another site, where a user does not see who asks (sections 7.1 and 7.2). */
function isFromForeignFrame({ response }: Record<string, unknown>) {
  const { clientDataJSON } = (response ?? {}) as { clientDataJSON?: unknown }
  try {
    const data = JSON.parse(Buffer.from(String(clientDataJSON), 'base64url').toString('utf8')) as object
    return ('crossOrigin' in data && data.crossOrigin !== false) || 'topOrigin' in data
  } catch {
    return true
  }
}
