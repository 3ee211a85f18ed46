import { createHmac, hash, timingSafeEqual } from 'node:crypto'

const MAC_BYTES = 32

/** `AUTH_SECRET`, which seals and encrypts, and the one before it, which still opens and decrypts. */
export type Secrets = readonly [current: string, ...previous: string[]]

/**
 * The format of all opaque tokens: `body ‖ HMAC-SHA-256(body)` in base64url. Each purpose has its own key, derived from
 * the secret. The server can recognise a token without the database, and can compute it again.
 */
export function createSealer(secrets: Secrets, purpose: string, bodyBytes: number) {
  const keys = secrets.map((secret) => deriveKey(secret, purpose))
  const sign = (key: Uint8Array, body: Uint8Array) => createHmac('sha256', key).update(body).digest()
  const [current] = keys as [Buffer, ...Buffer[]]
  return {
    seal: (body: Uint8Array) => Buffer.concat([body, sign(current, body)]).toString('base64url'),

    /** Returns the body of a token. Null if this server did not create the token. */
    open(token: string): Buffer | null {
      const bytes = Buffer.from(token, 'base64url')
      // Accepts one spelling of a token only: no padding, no other alphabet.
      if (bytes.length !== bodyBytes + MAC_BYTES || bytes.toString('base64url') !== token) return null
      const [body, mac] = [bytes.subarray(0, bodyBytes), bytes.subarray(bodyBytes)]
      return keys.some((key) => timingSafeEqual(sign(key, body), mac)) ? body : null
    },
  }
}

/** The key of one purpose. */
export const deriveKey = (secret: string, purpose: string) =>
  createHmac('sha256', secret).update(`servauth ${purpose}`).digest()

/** The SHA-256 hash by which the database recognises a token, and which cannot be used as one. */
export function digest(token: string) {
  return hash('sha256', token, 'base64url')
}
