import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { type HashKind, isWithin } from './hash-kind.ts'

const derive = promisify(pbkdf2)

export const PBKDF2_HASHES = {
  sha1: { keyBytes: 20, maxIterations: 2_000_000 },
  sha256: { keyBytes: 32, maxIterations: 2_000_000 },
  sha512: { keyBytes: 64, maxIterations: 1_000_000 },
} as const
export type Pbkdf2Hash = keyof typeof PBKDF2_HASHES

/**
 * PBKDF2 (RFC 8018, section 5.2): `i` iterations, and `l` bytes of the first block. Longer keys are cut at import: the
 * blocks are independent, so the others only cost this server time.
 */
export function createPbkdf2(hash: Pbkdf2Hash): HashKind {
  const { keyBytes, maxIterations } = PBKDF2_HASHES[hash]
  return {
    measure({ i, l = keyBytes }) {
      if (!isWithin(i, 1, 2 ** 32) || !isWithin(l, 16, keyBytes)) return null
      const spend = (amount: number) => derive('', '', amount, keyBytes, hash)
      const work = { group: `pbkdf2-${hash}`, amount: i, memoryKib: 0, spend }
      return { work, isBounded: i <= maxIterations }
    },
    derive: (password, salt, { i = 1, l = keyBytes }) => derive(password, salt, i, l, hash),
  }
}
