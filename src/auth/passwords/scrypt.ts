import { scrypt, timingSafeEqual } from 'node:crypto'

/** The format of Better-Auth's default hashes: salt and key in hex. The text of the salt is used, not its bytes. */
const SCRYPT_HASH = /^([0-9a-f]{32}):([0-9a-f]{128})$/

const COST = { N: 16_384, r: 16, p: 1, maxmem: 64 * 1024 * 1024 }

export const isScrypt = (encoded: string) => SCRYPT_HASH.test(encoded)

export async function verifyScrypt(encoded: string, password: string): Promise<boolean> {
  const [, salt, key] = SCRYPT_HASH.exec(encoded) ?? []
  if (!salt || !key) throw new TypeError('Not a scrypt hash')
  const stored = Buffer.from(key, 'hex')
  return timingSafeEqual(await deriveKey(password, salt, stored.length), stored)
}

/** Does as much work as a verification, and has no result. */
export async function simulateScryptVerification(password: string): Promise<void> {
  await deriveKey(password, '0'.repeat(32), 64)
}

async function deriveKey(password: string, salt: string, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, COST, (fault, key) => (fault ? reject(fault) : resolve(key)))
  })
}
