import { createHmac, createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto'

/** Signs a message as Standard Webhooks says (https://www.standardwebhooks.com, "Signature scheme"). */
export type Signer = (content: string) => string

const SYMMETRIC = 'whsec_'
const PRIVATE = 'whsk_'
const PUBLIC = 'whpk_'

const SEED_BYTES = 32

/** DER of a PKCS #8 private key for Ed25519, without the seed at its end (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Makes the signer of a secret: `whsec_` signs with `v1` (HMAC-SHA-256), `whsk_` with `v1a` (Ed25519). */
export function createSigner(secret: string): Signer {
  const key = decode(secret)
  if (secret.startsWith(SYMMETRIC)) {
    return (content) => `v1,${createHmac('sha256', key).update(content).digest('base64')}`
  }
  const privateKey = toPrivateKey(key)
  return (content) => `v1a,${sign(null, Buffer.from(content), privateKey).toString('base64')}`
}

/** Libsodium's form of a private key has the public key behind the seed. The settings have checked the length. */
function decode(secret: string) {
  const key = Buffer.from(secret.slice(secret.indexOf('_') + 1), 'base64')
  return secret.startsWith(PRIVATE) ? key.subarray(0, SEED_BYTES) : key
}

const toPrivateKey = (seed: Buffer) =>
  createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })

/** Whether receivers verify with a public key, and not with the same secret. */
export const hasPublicKey = (secret: string) => secret.startsWith(PRIVATE)

/** The public half of a `whsk_` secret, for receivers. */
export function toPublicKey(secret: string) {
  const { x = '' } = createPublicKey(toPrivateKey(decode(secret))).export({ format: 'jwk' })
  return PUBLIC + Buffer.from(x, 'base64url').toString('base64')
}

/** New secrets. */
export const createSymmetricSecret = () => SYMMETRIC + randomBytes(32).toString('base64')
export const createPrivateSecret = () => PRIVATE + randomBytes(SEED_BYTES).toString('base64')
