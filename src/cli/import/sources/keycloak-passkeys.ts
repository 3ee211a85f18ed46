import type { ForeignPasskey } from '../../../auth/import/foreign-account.ts'
import { fromBase64 } from '../../../auth/passwords/hashes/notations.ts'
import { textAt, timeAt } from './fields.ts'
import type { Row } from './file-source.ts'

/** Types of credentials, and how the fields of their policy in the realm begin. */
export const PASSKEY_KINDS = {
  'webauthn-passwordless': 'webAuthnPolicyPasswordless',
  webauthn: 'webAuthnPolicy',
} as const

/** Versions before 26.7 have only `RequireResidentKey`; later ones prefer `ResidentKey`, if it is not empty. */
const POLICY = ['RpId', 'UserVerificationRequirement', 'ResidentKey', 'RequireResidentKey'] as const

export const POLICY_FIELDS = Object.values(PASSKEY_KINDS).flatMap((prefix) =>
  POLICY.map((name) => prefix + name),
)

type Credential = { type: string | null; data: unknown; original: unknown; userId: string }

/**
 * A WebAuthn credential of Keycloak. Its handle is the text of the id of the user. It does not keep whether the credential
 * is synced. What it demanded of devices is in the policy of the realm, of which the export has the newest one only.
 */
export function toPasskey({ type, data, original, userId }: Credential, policy: Row): ForeignPasskey {
  const prefix = PASSKEY_KINDS[type as keyof typeof PASSKEY_KINDS]
  const read = (name: (typeof POLICY)[number]) => textAt(policy, prefix + name)
  const residentKey = read('ResidentKey')
  return {
    name: textAt(original, 'userLabel'),
    credentialId: fromBase64(textAt(data, 'credentialId') ?? ''),
    publicKey: fromBase64(textAt(data, 'credentialPublicKey') ?? ''),
    signCount: Number(textAt(data, 'counter') ?? 0),
    isSynced: null,
    userHandle: Buffer.from(userId, 'utf8'),
    createdAt: timeAt(original, 'createdDate'),
    domain: read('RpId')?.toLowerCase() ?? null,
    isDiscoverable: residentKey ? residentKey === 'required' : read('RequireResidentKey') === 'Yes',
    isUserVerified: read('UserVerificationRequirement') === 'required',
  }
}
