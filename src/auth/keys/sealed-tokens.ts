import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const MAC_BYTES = 32
const UUID_BYTES = 16

/**
 * The one recipe for tokens that this server creates: `body ‖ HMAC-SHA-256(body)` in base64url. Each purpose has a
 * key of its own, derived from the secret. A token can be recognised without the database, and computed again.
 */
export function createSealer(secret: string, purpose: string, bodyBytes: number) {
  const key = createHmac('sha256', secret).update(`servauth ${purpose}`).digest()
  const sign = (body: Uint8Array) => createHmac('sha256', key).update(body).digest()
  return {
    seal: (body: Uint8Array) => Buffer.concat([body, sign(body)]).toString('base64url'),

    /** The body of a token; null for anything that this server did not create. */
    open(token: string): Buffer | null {
      const bytes = Buffer.from(token, 'base64url')
      // One token has one spelling: no padding, no other alphabet.
      if (bytes.length !== bodyBytes + MAC_BYTES || bytes.toString('base64url') !== token) return null
      const body = bytes.subarray(0, bodyBytes)
      return timingSafeEqual(sign(body), bytes.subarray(bodyBytes)) ? body : null
    },
  }
}

/** What the database keeps of a token: enough to recognise it, not enough to use it. */
export function digest(token: string) {
  return createHash('sha256').update(token).digest('base64url')
}

/** 128 random bits in the form of a UUID. All of them are random; a version would take six. */
export const randomId = () => uuidText(randomBytes(UUID_BYTES))

export const uuidBytes = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex')
export const uuidText = (bytes: Buffer) =>
  bytes.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
