import { type Algorithm, hash, hashRaw, type Options, type Version } from '@node-rs/argon2'
import { type HashKind, isWithin, type Parameters } from './hash-kind.ts'

const ALGORITHMS = { argon2d: 0, argon2i: 1, argon2id: 2 }
const VERSIONS: Record<number, number> = { 16: 0, 19: 1 }

/** No cost that the settings allow is beyond these. An import has closer bounds. `work` is the memory times the passes. */
const MAX_ARGON2 = { memoryKib: 2 ** 20, work: 20 * 2 ** 20, lanes: 8 } as const
const MAX_KEY_BYTES = 64

/** Argon2 (RFC 9106, section 3.1): `v`, `m` in KiB, `t`, `p`; `l` is the length of the key in bytes. */
export function createArgon2(name: keyof typeof ALGORITHMS): HashKind {
  const toOptions = ({ v = 16, m, t, p, l }: Parameters): Options => ({
    algorithm: ALGORITHMS[name] as Algorithm,
    version: VERSIONS[v] as Version,
    ...{ memoryCost: m ?? 0, timeCost: t ?? 0, parallelism: p ?? 0, outputLen: l ?? 32 },
  })
  return {
    measure(parameters) {
      const { v = 16, m, t, p, l = 32 } = parameters
      const isValid =
        VERSIONS[v] !== undefined &&
        isWithin(p, 1, 2 ** 24 - 1) &&
        isWithin(m, 8 * p, 2 ** 32 - 1) &&
        isWithin(t, 1, 2 ** 32 - 1) &&
        isWithin(l, 4, MAX_KEY_BYTES)
      if (!isValid) return null
      const options = toOptions({ ...parameters, l: 32 })
      return {
        // Only equal parameters are known to take equal time.
        work: {
          ...{ group: `${name} m=${m},t=${t},p=${p}`, amount: 1, memoryKib: m },
          spend: () => hash('', options),
        },
        isBounded: m <= MAX_ARGON2.memoryKib && m * t <= MAX_ARGON2.work && p <= MAX_ARGON2.lanes,
      }
    },
    derive: (password, salt, parameters) => hashRaw(password, { ...toOptions(parameters), salt }),
  }
}
