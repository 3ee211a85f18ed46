import { createHmac } from 'node:crypto'
import { deriveKey, type Secrets } from '../keys/sealed-tokens.ts'
import type { Passwords } from '../passwords/passwords.ts'

export type RegistrationHashes = ReturnType<typeof createRegistrationHashes>

const SALT_BYTES = 16

/**
 * Hashes the passwords of registrations that wait for verification. Those of one address have the same salt. So a sign-in
 * compares its password with all of them by one hash, however many strangers have registered the address.
 */
export function createRegistrationHashes({
  passwords,
  secrets,
}: {
  passwords: Pick<Passwords, 'hash'>
  secrets: Secrets
}) {
  const keys = secrets.map((secret) => deriveKey(secret, 'salt of a registration'))
  const [current] = keys as [Buffer, ...Buffer[]]
  const saltOf = (key: Buffer, email: string) =>
    createHmac('sha256', key).update(email).digest().subarray(0, SALT_BYTES)

  return {
    hash: (email: string, password: string) => passwords.hash(password, saltOf(current, email)),

    /** Whether a stored hash was made for a registration of this address. */
    hasMade(email: string, encoded: string) {
      const [salt] = encoded.split('$').slice(-2)
      return keys.some((key) => saltOf(key, email).toString('base64').replace(/=+$/, '') === salt)
    },
  }
}
