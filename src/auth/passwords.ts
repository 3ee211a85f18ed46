import { availableParallelism } from 'node:os'
import { type Algorithm, hash, type Options, verify } from '@node-rs/argon2'
import type { Env } from '../env.ts'
import { createHashingGate } from './hashing-gate.ts'

export type Passwords = ReturnType<typeof createPasswords>

/** The first choice of the OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. */
const ARGON2ID: Options = {
  algorithm: 2 as Algorithm.Argon2id,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
}
const PREFIX = `$argon2id$v=19$m=${ARGON2ID.memoryCost},t=${ARGON2ID.timeCost},p=${ARGON2ID.parallelism}$`

/** Argon2id for every credential operation, through one gate as wide as this process's share of the cores. */
export function createPasswords({ WORKERS }: Pick<Env, 'WORKERS'>) {
  const cores = Math.min(availableParallelism(), 8)
  const gate = createHashingGate({
    concurrent: Math.max(1, Math.floor(cores / WORKERS)),
    queued: 64,
    waitMs: 2000,
  })
  return {
    /** Every operation that hashes runs inside of this, so that a flood of them is refused early. */
    admit: gate.enter,
    hash: (password: string) => gate.hash(() => hash(password, ARGON2ID)),
    verify: (encoded: string, password: string) => gate.hash(() => verify(encoded, password)),
    /** Whether a stored hash was made with other parameters than today's. */
    isOutdated: (encoded: string) => !encoded.startsWith(PREFIX),
  }
}
