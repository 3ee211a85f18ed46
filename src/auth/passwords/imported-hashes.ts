import { dearestOf, findMissingWork, spendAll } from './hashes/failure-cost.ts'
import type { Work } from './hashes/hash-kind.ts'
import { classOf, readHash, type StoredHash } from './hashes/stored-hash.ts'

/** Bounds for imported Argon2 hashes: an attacker who tries their accounts makes this server pay. `lanes` is absolute. */
export const MAX_COST_FACTORS = { memory: 4, work: 8, lanes: 8 }

/** A failed sign-in computes each of these once. Only Argon2 and scrypt have one for each cost. */
export const MAX_HASH_COSTS = 12

type Parts = {
  /** What Argon2id costs by the settings of this server, and the class of its hashes. */
  cost: { m: number; t: number; p: number }
  ownClass: string
  listHashClasses: () => Promise<string[]>
  listWorks: (hashClass: string) => Work[]
  run: <T>(job: () => Promise<T>) => Promise<T>
}

/** Decides which hashes of other systems an import may add. */
export function createImportedHashes({ cost, ownClass, listHashClasses, listWorks, run }: Parts) {
  /** Each guess of an attacker makes this server pay for the hash. Other kinds have bounds of their own. */
  const isAffordable = ({ name, parameters: { m = 0, t = 0, p = 0 } }: StoredHash) =>
    !name.startsWith('argon2') ||
    (m <= MAX_COST_FACTORS.memory * cost.m &&
      m * t <= MAX_COST_FACTORS.work * cost.m * cost.t &&
      p <= MAX_COST_FACTORS.lanes)

  return {
    /** Why a hash of another system is not imported. Null if it can be verified at every attempt. */
    findHashFault(encoded: string) {
      const known = readHash(encoded)
      if (!known) return 'unknown kind of hash'
      return known.isBounded && isAffordable(known) ? null : 'hash costs too much to check'
    },

    /** Limits how many costs of hashes an import adds to those that are stored. */
    async limitCosts() {
      let dearest = dearestOf([...(await listHashClasses()), ownClass].flatMap(listWorks))
      let latest: string | undefined
      return {
        /** @returns whether a hash can be added; if so, it counts */
        take(encoded: string) {
          const hashClass = classOf(encoded)
          // Most hashes of an import are of the same class.
          if (hashClass === latest) return true
          const works = listWorks(hashClass)
          const added = new Set(works.map(({ group }) => group).filter((group) => !dearest.has(group)))
          if (added.size > 0 && dearest.size + added.size > MAX_HASH_COSTS) return false
          dearest = dearestOf([...dearest.values(), ...works])
          latest = hashClass
          return true
        },
        /** How much longer a failed sign-in takes with all of them than without imported hashes, in seconds. */
        async measureSeconds() {
          const missing = findMissingWork([...dearest.values()], listWorks(ownClass))
          const startedAt = performance.now()
          if (missing.length > 0) await run(() => spendAll(missing))
          return (performance.now() - startedAt) / 1000
        },
      }
    },

    /** Argon2id over a hash of another kind, which can be verified like any. Argon2 stays as it is. */
    async wrap(encoded: string) {
      const known = encoded.startsWith('$argon2') ? null : readHash(encoded)
      return known ? run(() => known.wrap(cost)) : encoded
    },
  }
}
