import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { deriveKey, type Secrets } from './sealed-tokens.ts'

export type Encryption = ReturnType<typeof createEncryption>

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Encrypts values that the server must read again: `nonce ‖ ciphertext ‖ tag` in base64url. Each purpose has its own key,
 * derived from the secret. A value is bound to its owner, so that it is useless in the row of another account.
 */
export function createEncryption(secrets: Secrets, purpose: string) {
  const keys = secrets.map((secret) => deriveKey(secret, purpose))
  const [current] = keys as [Buffer, ...Buffer[]]

  function decryptWith(key: Buffer, bytes: Buffer, owner: string) {
    try {
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
      decipher.setAAD(Buffer.from(owner)).setAuthTag(bytes.subarray(-TAG_BYTES))
      const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)).toString()
      decipher.final()
      return text
    } catch {
      return null
    }
  }

  return {
    /** Whether values of an earlier secret are accepted. */
    hasPrevious: keys.length > 1,

    encrypt(text: string, owner: string) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, current, nonce).setAAD(Buffer.from(owner))
      const parts = [nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]
      return Buffer.concat(parts).toString('base64url')
    },

    /**
     * @returns the text, and whether an earlier secret encrypted it; null if no known secret did, as after a secret that
     * has leaked, or if the value belongs to another owner
     */
    decrypt(sealed: string, owner: string) {
      const bytes = Buffer.from(sealed, 'base64url')
      for (const key of keys) {
        const text = decryptWith(key, bytes, owner)
        if (text !== null) return { text, isOutdated: key !== current }
      }
      return null
    },
  }
}
