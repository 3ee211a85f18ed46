import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'

export type Encryption = ReturnType<typeof createEncryption>

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Encrypts values that the server must read again: `nonce ‖ ciphertext ‖ tag` in base64url. Each purpose has its own key,
 * derived from the secret. A value is bound to its owner, so that it is useless in the row of another account.
 */
export function createEncryption(secret: string, purpose: string) {
  const key = createHmac('sha256', secret).update(`servauth ${purpose}`).digest()

  return {
    encrypt(text: string, owner: string) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(owner))
      return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString(
        'base64url',
      )
    },

    /** @throws if the value was encrypted with another secret, or for another owner */
    decrypt(sealed: string, owner: string) {
      const bytes = Buffer.from(sealed, 'base64url')
      const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
      decipher.setAAD(Buffer.from(owner)).setAuthTag(bytes.subarray(-TAG_BYTES))
      return (
        decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
      )
    },
  }
}
