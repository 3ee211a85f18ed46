import { availableParallelism } from 'node:os'
import { type Algorithm, hash, type Options, verify } from '@node-rs/argon2'
import { refuseShort } from '../../contract/fields.ts'
import type { Env } from '../../env.ts'
import type { Span } from '../../span.ts'
import type { Observer } from '../observer.ts'
import { createHashingGate } from './hashing-gate.ts'
import { isScrypt, spendScrypt, verifyScrypt } from './scrypt.ts'

export type Passwords = ReturnType<typeof createPasswords>

/** As an Argon2 hash says it, the memory in KiB. */
export type Cost = { memory: number; passes: number; lanes: number }

type Settings = Pick<
  Env,
  'PASSWORD_MIN_LENGTH' | 'ARGON2_MEMORY_KIB' | 'ARGON2_PASSES' | 'ARGON2_LANES' | 'WORKERS'
>

/** What a foreign Argon2 hash may cost at most, as a multiple of one of ours: whoever tries its account makes us pay. */
const BEARABLE = { memory: 4, work: 8, lanes: 8 }

type Watch = { observer?: Observer | undefined; span?: Span | undefined }

/**
 * Argon2id for every credential operation, through one gate as wide as this process's share of the cores. A
 * password that was imported is verified as it came, and is outdated.
 * @param areAnyImported whether any account still has its imported scrypt hash
 */
export function createPasswords(
  settings: Settings,
  areAnyImported: () => Promise<boolean>,
  { observer, span }: Watch,
) {
  const argon2id: Options = {
    algorithm: 2 as Algorithm.Argon2id,
    memoryCost: settings.ARGON2_MEMORY_KIB,
    timeCost: settings.ARGON2_PASSES,
    parallelism: settings.ARGON2_LANES,
  }
  const prefix = `$argon2id$v=19$m=${argon2id.memoryCost},t=${argon2id.timeCost},p=${argon2id.parallelism}$`
  const cores = Math.min(availableParallelism(), 8)
  const gate = createHashingGate(
    { concurrent: Math.max(1, Math.floor(cores / settings.WORKERS)), queued: 64, waitMs: 2000 },
    observer,
  )
  const run = <T>(job: () => Promise<T>) => gate.hash(span ? () => span('argon2id', {}, job) : job)
  return {
    /** @throws `INVALID_INPUT`, naming the field, for a new password that is shorter than is asked for. */
    refuseShort: (password: string, path: string) =>
      refuseShort(password, settings.PASSWORD_MIN_LENGTH, path),
    /** Every operation that hashes runs inside of this, so that a flood of them is refused early. */
    admit: gate.enter,
    hashing: gate.state,
    hash: (password: string) => run(() => hash(password, argon2id)),
    verify: (encoded: string, password: string) =>
      run(() => (isScrypt(encoded) ? verifyScrypt : verify)(encoded, password)),
    /**
     * Does the other kind of work after an attempt that failed against `tried`. An imported hash costs several times
     * an Argon2id one, so while there are any, a failure costs both, or its time would tell who was imported.
     */
    async equalizeTiming(tried: string, password: string) {
      if (!(await areAnyImported())) return
      await run(async () => {
        await (isScrypt(tried) ? hash(password, argon2id) : spendScrypt(password))
      })
    },
    /** Whether a foreign Argon2 hash costs little enough to be checked at every attempt. */
    isBearable: ({ memory, passes, lanes }: Cost) =>
      memory <= BEARABLE.memory * settings.ARGON2_MEMORY_KIB &&
      memory * passes <= BEARABLE.work * settings.ARGON2_MEMORY_KIB * settings.ARGON2_PASSES &&
      lanes <= BEARABLE.lanes,
    /** Whether a stored hash was made with other parameters than today's. */
    isOutdated: (encoded: string) => !encoded.startsWith(prefix),
  }
}
