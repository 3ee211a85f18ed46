import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { type Algorithm, hash, type Options, verify } from '@node-rs/argon2'
import type { Client } from '../../contract/caller.ts'
import { refuseShort, tooCommon } from '../../contract/password.ts'
import type { Env } from '../../env.ts'
import type { Span } from '../../span.ts'
import type { Observer } from '../observer.ts'
import { toNetwork } from '../throttle/networks.ts'
import { type BreachedPasswords, openBreachedPasswords } from './breached/breached-passwords.ts'
import { findMissingWork, spendAll } from './hashes/failure-cost.ts'
import { classOf, readClass, readHash } from './hashes/stored-hash.ts'
import { createHashingGate } from './hashing-gate.ts'
import { createImportedHashes } from './imported-hashes.ts'
import { lowerPoolPriority } from './thread-priority.ts'

export type Passwords = ReturnType<typeof createPasswords>

type Settings = Pick<
  Env,
  | 'BREACHED_PASSWORDS'
  | 'PASSWORD_MIN_LENGTH'
  | 'THROTTLE'
  | 'ARGON2_MEMORY_KIB'
  | 'ARGON2_PASSES'
  | 'ARGON2_LANES'
  | 'WORKERS'
>

/** The library cannot read a damaged hash, and says so before it computes anything. */
function nullIfDamaged(fault: unknown) {
  if ((fault as { code?: unknown }).code === 'InvalidArg') return null
  throw fault
}

/** The share of the hashing gate that one network can hold. */
export const MAX_NETWORK_SHARE = 1 / 4

/** Of one process. With `WORKERS`, each takes its share of the hashes that run at once. */
export const GATE_LIMITS = { maxConcurrent: 8, maxQueued: 64, maxWaitMs: 2000, maxHoldMs: 50 } as const

type Instruments = { observer?: Observer | undefined; span?: Span | undefined }

/**
 * Hashes with Argon2id. One gate for all operations limits concurrent hashes to this process's share of the cores.
 * An imported hash is verified by its own kind, and is outdated.
 * @param listHashClasses the classes of all stored hashes, see `classOf`
 */
export function createPasswords(
  settings: Settings,
  listHashClasses: () => Promise<string[]>,
  { observer, span }: Instruments,
) {
  const argon2id: Options = {
    algorithm: 2 as Algorithm.Argon2id,
    memoryCost: settings.ARGON2_MEMORY_KIB,
    timeCost: settings.ARGON2_PASSES,
    parallelism: settings.ARGON2_LANES,
  }
  const cost = { m: settings.ARGON2_MEMORY_KIB, t: settings.ARGON2_PASSES, p: settings.ARGON2_LANES }
  const ownClass = `$argon2id$v=19$m=${cost.m},t=${cost.t},p=${cost.p}`
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
  const isBreached: BreachedPasswords = settings.BREACHED_PASSWORDS
    ? openBreachedPasswords(settings.BREACHED_PASSWORDS)
    : () => false
  /** At its end, because a thread that the engine has started for the hash has its name only once it runs. */
  const start = <T>(job: () => Promise<T>) => job().finally(lowerPoolPriority)

  const run = <T>(job: () => Promise<T>) =>
    gate.hash(() => (span ? span('argon2id', {}, () => start(job)) : start(job)))

  async function verifyAny(encoded: string, password: string) {
    if (encoded.startsWith(`${ownClass}$`)) {
      const matches = await verify(encoded, password).catch(nullIfDamaged)
      if (matches !== null) return matches
    } else {
      const known = readHash(encoded)
      if (known?.isBounded) return known.verify(password)
    }
    // Another program wrote it, and it cannot be verified. That looks like a wrong password.
    await hash(password, argon2id)
    return false
  }

  function listWorks(hashClass: string) {
    const known = readClass(hashClass)
    return known?.isBounded ? known.works : (readClass(ownClass)?.works ?? [])
  }

  return {
    /** @throws `INVALID_INPUT` for the field `path` if a new password is too short, or in `BREACHED_PASSWORDS`. */
    refuseWeak(password: string, path: string) {
      refuseShort(password, settings.PASSWORD_MIN_LENGTH, path)
      if (isBreached(password)) throw tooCommon(path)
    },
    isBreached,
    /** Every operation that hashes must run inside this, so that a flood is refused early. */
    admit: <T>({ ipAddress }: Client, operation: () => Promise<T>) =>
      gate.enter(toNetwork(ipAddress), operation),
    hashing: gate.state,
    /** Without a `salt`, with one of its own. */
    hash: (password: string, salt?: Uint8Array) =>
      run(() => hash(password, salt ? { ...argon2id, salt } : argon2id)),
    /** The hash of a random password that is not kept: no password matches, and a sign-in takes as long as any. */
    hashUnknown: () => run(() => hash(randomBytes(32).toString('base64url'), argon2id)),
    verify: (encoded: string, password: string) => run(() => verifyAny(encoded, password)),
    /**
     * Call it after a failed attempt, with the hash that was verified, if any. It does the work that is missing until
     * the attempt has cost as much as the dearest stored hash of each kind, so that its time reveals nothing.
     */
    async equalizeTiming(triedHash: string | undefined) {
      const classes = await listHashClasses()
      const works = [...classes, ownClass].flatMap(listWorks)
      const tried = triedHash === undefined ? ownClass : classOf(triedHash)
      const missing = findMissingWork(works, listWorks(tried))
      if (missing.length > 0) await run(() => spendAll(missing))
    },
    /** Whether a stored hash has other parameters than the current settings. */
    isOutdated: (encoded: string) => !encoded.startsWith(`${ownClass}$`),
    ...createImportedHashes({ cost, ownClass, listHashClasses, listWorks, run }),
  }
}
