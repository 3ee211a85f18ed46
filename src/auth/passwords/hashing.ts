import { availableParallelism } from 'node:os'
import { type Algorithm, hash, type Options, verify } from '@node-rs/argon2'
import type { Client } from '../../contract/caller.ts'
import { refuseShort } from '../../contract/fields.ts'
import type { Env } from '../../env.ts'
import type { Span } from '../../span.ts'
import type { Observer } from '../observer.ts'
import { toNetwork } from '../throttle/places.ts'
import { createHashingGate } from './hashing-gate.ts'
import { isScrypt, simulateScryptVerification, verifyScrypt } from './scrypt.ts'
import { lowerPoolPriority } from './thread-priority.ts'

export type Passwords = ReturnType<typeof createPasswords>

/** The cost parameters in an Argon2 hash. The memory is in KiB. */
export type Cost = { memory: number; passes: number; lanes: number }

type Settings = Pick<
  Env,
  'PASSWORD_MIN_LENGTH' | 'THROTTLE' | 'ARGON2_MEMORY_KIB' | 'ARGON2_PASSES' | 'ARGON2_LANES' | 'WORKERS'
>

/** Bounds for imported Argon2 hashes: an attacker who tries their accounts makes this server pay. `lanes` is absolute. */
export const MAX_COST_FACTORS = { memory: 4, work: 8, lanes: 8 }

/** The share of the hashing gate that one network can hold. */
export const MAX_NETWORK_SHARE = 1 / 4

/** Of one process. With `WORKERS`, each takes its share of the hashes that run at once. */
export const GATE_LIMITS = { maxConcurrent: 8, maxQueued: 64, maxWaitMs: 2000 } as const

type Instruments = { observer?: Observer | undefined; span?: Span | undefined }

/**
 * Hashes with Argon2id. One gate for all operations limits concurrent hashes to this process's share of the cores.
 * An imported hash is verified in its own format, and is outdated.
 * @param hasImportedHashes whether any account still has the hash that it was imported with
 */
export function createPasswords(
  settings: Settings,
  hasImportedHashes: () => Promise<boolean>,
  { observer, span }: Instruments,
) {
  const argon2id: Options = {
    algorithm: 2 as Algorithm.Argon2id,
    memoryCost: settings.ARGON2_MEMORY_KIB,
    timeCost: settings.ARGON2_PASSES,
    parallelism: settings.ARGON2_LANES,
  }
  const prefix = `$argon2id$v=19$m=${argon2id.memoryCost},t=${argon2id.timeCost},p=${argon2id.parallelism}$`
  const cores = Math.min(availableParallelism(), GATE_LIMITS.maxConcurrent)
  // Without limits, as in a load test, one machine may use the whole gate.
  const maxShare = settings.THROTTLE ? MAX_NETWORK_SHARE : 1
  const gate = createHashingGate(
    {
      ...GATE_LIMITS,
      maxConcurrent: Math.max(1, Math.floor(cores / settings.WORKERS)),
      maxShare,
    },
    observer,
  )
  let mostRunning = 0

  /** The engine starts its threads when they are needed, so there may be a new one when more hashes run than before. */
  function start<T>(job: () => Promise<T>) {
    const pending = job()
    const { running } = gate.state()
    if (running > mostRunning) {
      mostRunning = running
      lowerPoolPriority()
    }
    return pending
  }

  const run = <T>(job: () => Promise<T>) =>
    gate.hash(() => (span ? span('argon2id', {}, () => start(job)) : start(job)))
  return {
    /** @throws `INVALID_INPUT` for the field `path` if a new password is shorter than `PASSWORD_MIN_LENGTH`. */
    refuseShort: (password: string, path: string) =>
      refuseShort(password, settings.PASSWORD_MIN_LENGTH, path),
    /** Every operation that hashes must run inside this, so that a flood is refused early. */
    admit: <T>({ ipAddress }: Client, operation: () => Promise<T>) =>
      gate.enter(toNetwork(ipAddress), operation),
    hashing: gate.state,
    hash: (password: string) => run(() => hash(password, argon2id)),
    verify: (encoded: string, password: string) =>
      run(() => (isScrypt(encoded) ? verifyScrypt : verify)(encoded, password)),
    /**
     * Call it after a failed attempt: it does the work of the other hash format. A scrypt hash costs several times an
     * Argon2id hash, so without this the time of a failure would reveal imported accounts.
     */
    async equalizeTiming(triedHash: string, password: string) {
      if (!(await hasImportedHashes())) return
      await run(async () => {
        await (isScrypt(triedHash) ? hash(password, argon2id) : simulateScryptVerification(password))
      })
    },
    /** Whether an imported Argon2 hash is cheap enough to be verified at every attempt. */
    isCostAllowed: ({ memory, passes, lanes }: Cost) =>
      memory <= MAX_COST_FACTORS.memory * settings.ARGON2_MEMORY_KIB &&
      memory * passes <= MAX_COST_FACTORS.work * settings.ARGON2_MEMORY_KIB * settings.ARGON2_PASSES &&
      lanes <= MAX_COST_FACTORS.lanes,
    /** Whether a stored hash has other parameters than the current settings. */
    isOutdated: (encoded: string) => !encoded.startsWith(prefix),
  }
}
