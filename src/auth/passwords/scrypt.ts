import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

/** As bare Better-Auth stores a password: salt and key in hex, and the salt is used as it is written. */
const FORM = /^([0-9a-f]{32}):([0-9a-f]{128})$/

const COST = { N: 16_384, r: 16, p: 1, maxmem: 64 * 1024 * 1024 }

export const isScrypt = (encoded: string) => FORM.test(encoded)

export async function verifyScrypt(encoded: string, password: string): Promise<boolean> {
  const [, salt, key] = FORM.exec(encoded) ?? []
  if (!salt || !key) throw new TypeError('Not a scrypt hash')
  const stored = Buffer.from(key, 'hex')
  return timingSafeEqual(await derive(password, salt, stored.length, COST), stored)
}

/** As much work as a verification, for nothing. */
export async function spendScrypt(password: string): Promise<void> {
  await derive(password, '0'.repeat(32), 64, COST)
}

async function derive(password: string, salt: string, length: number, cost: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, cost, (fault, key) => (fault ? reject(fault) : resolve(key)))
  })
}
