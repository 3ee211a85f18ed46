import { createPublicKey } from 'node:crypto'
import { PasskeyName } from '../../contract/fields.ts'
import { MAX_PASSKEYS } from '../passkeys/own-passkeys.ts'
import { ALGORITHMS, MAX_CREDENTIAL_ID_BYTES } from '../passkeys/relying-party.ts'
import type { ForeignPasskey, PasskeyFault } from './foreign-account.ts'

/** A passkey as it is stored here. Binary values are Base64url. */
export type NewPasskey = {
  name: string | null
  credentialId: string
  publicKey: string
  signCount: number
  isSynced: boolean | null
  userHandle: string
  needsPassword: boolean
  createdAt: Date | null
}

/** The passkeys of an account that are taken, and why the others are not. */
export type ChosenPasskeys = { taken: NewPasskey[]; left: PasskeyFault[] }

/** A handle is longer in no authenticator (WebAuthn Level 3, section 5.4.3). */
const MAX_USER_HANDLE_BYTES = 64
/** An RSA key of 4096 bits has about 530. */
export const MAX_PUBLIC_KEY_BYTES = 1024
/** A counter has 32 bits (section 6.1). */
const MAX_SIGN_COUNT = 2 ** 32 - 1

/** As the domain of passkeys: none is taken. */
const NO_PASSKEYS = 'none'

type Domains = {
  /** The domain of the passkeys here. */
  rpId: string
  /** Where the passkeys are from whose domain the export does not say. */
  passkeyDomain: string | null
}

/** Takes the passkeys that will sign in here. One that cannot would keep its user out, because a passkey is a factor. */
export async function choosePasskeys(passkeys: ForeignPasskey[], domains: Domains): Promise<ChosenPasskeys> {
  const chosen: ChosenPasskeys = { taken: [], left: [] }
  for (const passkey of passkeys) {
    const fault = await findFault(passkey, domains)
    if (fault) chosen.left.push(fault)
    else if (chosen.taken.length >= MAX_PASSKEYS) chosen.left.push('too many for one account')
    else chosen.taken.push(toNewPasskey(passkey))
  }
  return chosen
}

/** Two accounts can have a passkey of one id, which authenticators choose. The first one keeps it (section 7.1, step 26). */
export function withoutMissing({ taken, left }: ChosenPasskeys, missing: Set<string | null>): ChosenPasskeys {
  const { kept = [], lost = [] } = Object.groupBy(taken, ({ credentialId }) =>
    missing.has(credentialId) ? 'lost' : 'kept',
  )
  return {
    taken: kept,
    left: [...left, ...lost.map((): PasskeyFault => 'the id is that of another passkey here')],
  }
}

async function findFault(
  { domain, isDiscoverable, credentialId, userHandle, publicKey, signCount }: ForeignPasskey,
  { rpId, passkeyDomain }: Domains,
): Promise<PasskeyFault | null> {
  if (passkeyDomain === NO_PASSKEYS) return 'left out by --passkeys none'
  const home = domain ?? passkeyDomain
  if (home === null) return 'the domain is not known, and --passkeys does not name it'
  if (home !== rpId) return 'another domain than PASSKEY_RP_ID'
  if (!isDiscoverable) return 'perhaps not discoverable, so a browser would not offer it'
  const isBounded =
    isWithin(credentialId, MAX_CREDENTIAL_ID_BYTES) &&
    isWithin(userHandle, MAX_USER_HANDLE_BYTES) &&
    isWithin(publicKey, MAX_PUBLIC_KEY_BYTES) &&
    Number.isInteger(signCount) &&
    signCount >= 0 &&
    signCount <= MAX_SIGN_COUNT
  return isBounded && (await isUsableKey(publicKey)) ? null : 'a key that this server cannot use'
}

const isWithin = (bytes: Buffer, max: number) => bytes.length > 0 && bytes.length <= max

function toNewPasskey(passkey: ForeignPasskey): NewPasskey {
  const { name, credentialId, publicKey, signCount, isSynced, userHandle, isUserVerified, createdAt } =
    passkey
  return {
    name: PasskeyName.safeParse(name).data ?? null,
    credentialId: credentialId.toString('base64url'),
    publicKey: publicKey.toString('base64url'),
    signCount,
    isSynced,
    userHandle: userHandle.toString('base64url'),
    // Its thief may be the first who sets its PIN, so the first verification needs another factor (section 7.2).
    needsPassword: !isUserVerified,
    createdAt,
  }
}

/** Whether a public key is whole, and of an algorithm with which passkeys are created here (RFC 9053). */
async function isUsableKey(publicKey: Buffer) {
  const { decodeCredentialPublicKey } = await import('@simplewebauthn/server/helpers')
  try {
    const cose = decodeCredentialPublicKey(new Uint8Array(publicKey)) as unknown as Map<number, unknown>
    const algorithm = cose.get(3)
    const jwk = toJwk(cose)
    if (!jwk || !ALGORITHMS.some((each) => each === algorithm)) return false
    const { asymmetricKeyDetails } = createPublicKey({ key: jwk, format: 'jwk' })
    const { modulusLength = 2048 } = asymmetricKeyDetails ?? {}
    return modulusLength >= 2048
  } catch {
    return false
  }
}

/** Null for anything but EdDSA with Ed25519, ES256 with P-256, and RS256. */
function toJwk(cose: Map<number, unknown>): JsonWebKey | null {
  const kind = [cose.get(1), cose.get(3), cose.get(-1)]
  const read = (label: number) => Buffer.from(cose.get(label) as Uint8Array).toString('base64url')
  if (kind.join() === '1,-8,6') return { kty: 'OKP', crv: 'Ed25519', x: read(-2) }
  if (kind.join() === '2,-7,1') return { kty: 'EC', crv: 'P-256', x: read(-2), y: read(-3) }
  if (kind[0] === 3 && kind[1] === -257) return { kty: 'RSA', n: read(-1), e: read(-2) }
  return null
}
