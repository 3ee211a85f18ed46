import { createHash } from 'node:crypto'
import { type HashKind, isWithin } from './hash-kind.ts'

export const MAX_BCRYPT_COST = 14
const MIN_COST = 4

const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const ANY_SALT = '.'.repeat(22)

/**
 * bcrypt: `r` is the binary logarithm of the rounds. Bytes of a password after the 72nd do not count, as everywhere
 * but in `Bun.password`. Salt and key are in the letters of bcrypt.
 */
export const bcrypt: HashKind = createBcrypt((password) => password)

/** bcrypt over the SHA-256 of the password in hex, as in Django's `bcrypt_sha256`: every byte counts. */
export const bcryptSha256: HashKind = createBcrypt((password) =>
  createHash('sha256').update(password).digest('hex'),
)

function createBcrypt(prepare: (password: string) => string): HashKind {
  return {
    measure({ r }) {
      if (!isWithin(r, MIN_COST, 31)) return null
      const work = { group: 'bcrypt', amount: 2 ** r, memoryKib: 0, spend: spendRounds }
      return { work, isBounded: r <= MAX_BCRYPT_COST }
    },
    derive: (password, salt, { r = 0 }) => hash(prepare(password), salt.toString('latin1'), r),
  }
}

/** Loaded only if there is such a hash. */
async function hash(password: string, salt: string, cost: number) {
  const library = await import('@node-rs/bcrypt')
  const encoded = await library.hash(password, { salt: `$2b$${formatCost(cost)}$${trimBits(salt)}` })
  return Buffer.from(encoded.slice(-31), 'latin1')
}

/** Of the 132 bits in the letters of a salt, 128 count. The library insists that the others are 0. */
const trimBits = (salt: string) =>
  salt.slice(0, 21) + (ALPHABET[ALPHABET.indexOf(salt.charAt(21)) & 0b110000] ?? '.')

const formatCost = (cost: number) => String(cost).padStart(2, '0')

/** The rounds of two costs differ by a sum of powers of two, so the difference can be spent exactly. */
async function spendRounds(rounds: number) {
  for (let cost: number = MAX_BCRYPT_COST; cost >= MIN_COST; cost--) {
    if (rounds & (2 ** cost)) await hash('', ANY_SALT, cost)
  }
}
