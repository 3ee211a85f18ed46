import { createCipheriv, scrypt as deriveScrypt } from 'node:crypto'
import { type HashKind, isWithin, type Parameters } from './hash-kind.ts'

/** `steps` is N·r·p. The memory is 128·N·r bytes (RFC 7914, section 2). */
export const MAX_SCRYPT = { memoryKib: 64 * 1024, steps: 2 ** 20, lanes: 16 } as const
const MAX_KEY_BYTES = 64

/** scrypt: `ln` is the binary logarithm of N, and `l` the length of the key in bytes. */
export const scrypt: HashKind = { measure, derive }

/**
 * Firebase's scrypt. Its hash is the key of the project, encrypted with a key that scrypt derives from the password, in
 * counter mode. So the key of the project is not needed: an import keeps the key stream alone.
 */
export const firebaseScrypt: HashKind = {
  measure,
  async derive(password, salt, parameters) {
    const key = await derive(password, salt, { ...parameters, l: 32 })
    const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
    return cipher.update(Buffer.alloc(parameters.l ?? MAX_KEY_BYTES))
  },
}

function measure(parameters: Parameters) {
  const { ln, r, p, l = 64 } = parameters
  const isValid =
    isWithin(ln, 1, 31) &&
    isWithin(r, 1, 2 ** 20) &&
    isWithin(p, 1, 2 ** 20) &&
    isWithin(l, 16, MAX_KEY_BYTES)
  if (!isValid) return null
  const [memoryKib, steps] = [(2 ** ln * r) / 8, 2 ** ln * r * p]
  const isBounded = memoryKib <= MAX_SCRYPT.memoryKib && steps <= MAX_SCRYPT.steps && p <= MAX_SCRYPT.lanes
  const spend = () => derive('', Buffer.alloc(16), { ...parameters, l: 64 })
  // Only equal parameters are known to take equal time.
  return { work: { group: `scrypt ln=${ln},r=${r},p=${p}`, amount: 1, memoryKib, spend }, isBounded }
}

function derive(password: string, salt: Buffer, { ln = 1, r = 1, p = 1, l = 64 }: Parameters) {
  const options = { N: 2 ** ln, r, p, maxmem: 2 * MAX_SCRYPT.memoryKib * 1024 }
  return new Promise<Buffer>((resolve, reject) => {
    deriveScrypt(password, salt, l, options, (fault, key) => (fault ? reject(fault) : resolve(key)))
  })
}
