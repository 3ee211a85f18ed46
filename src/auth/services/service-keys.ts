import { and, eq, gt, isNull, lt, or, sql } from 'drizzle-orm'
import { type Scope, type ServiceKey, VERIFIER_SCOPES } from '../../contract/service-key.ts'
import type { Changes } from '../../db/changes/changes.ts'
import type { Db } from '../../db/client.ts'
import { secondsAgo, secondsSince, secondsUntil } from '../../db/moments.ts'
import { serviceKeys } from '../../db/schema/keys.ts'
import type { ServiceKeyEntry } from '../../settings/credentials.ts'
import { digest } from '../keys/sealed-tokens.ts'
import { isServiceKey } from './service-key-secret.ts'

/** How old a read of the table may be while the notifications are not proven. It also spaces the reads. */
export const MAX_UNPROVEN_MS = 100
/** How often the last use of a key is written. */
export const LAST_USE_SECONDS = 300

/** Neither revoked nor expired, by the clock of the database. */
export const isValid = and(
  isNull(serviceKeys.revokedAt),
  or(isNull(serviceKeys.expiresAt), gt(serviceKeys.expiresAt, sql`now()`)),
)

type Known = ServiceKey & { untilMs: number; nextUseAtMs: number }
type Keys = { beganAt: number; byHash: Map<string, Known> }

type Options = { db: Db; changes: Changes; entries: ServiceKeyEntry[] }

/**
 * Finds the service of a key. The table of keys is in memory until a notification says that it has changed, so a known key
 * costs no query and no hash. A key that is not in memory may be new: then the table is read again. All requests share the
 * reads, so that invented keys cause no more than ten a second.
 */
export function createServiceKeys({ db, changes, entries }: Options) {
  const fromSettings = new Map(entries.map(({ name, hash }) => [hash, toKnown({ id: name, name })]))
  /** Keys that were right, so that their next use needs no hash. There are no more of them than known hashes. */
  const known = new Map<string, { found: Known; isFromSettings: boolean }>()
  let keys: Keys | undefined
  let reading: Promise<Keys> | undefined
  let readAt = Number.NEGATIVE_INFINITY
  /** What changed since the latest read began. */
  const changed = { ids: new Set<string>(), isGap: false }

  function forget() {
    keys = undefined
    known.clear()
  }

  changes.subscribe({
    onChange(id) {
      if (reading) changed.ids.add(id)
      if (keys && [...keys.byHash.values()].some((key) => key.id === id)) forget()
    },
    onGap() {
      changed.isGap = true
      forget()
    },
  })

  const haveChanged = (rows: { id: string }[]) => changed.isGap || rows.some(({ id }) => changed.ids.has(id))

  /** The keys in memory, if they are certain. */
  function certainKeys(now: number) {
    // First, because it takes in changes, which may forget the keys.
    const isCurrent = changes.isCurrent(now)
    return keys && (isCurrent || now - keys.beganAt < MAX_UNPROVEN_MS) ? keys : undefined
  }

  async function read(): Promise<Keys> {
    const waitMs = readAt + MAX_UNPROVEN_MS - performance.now()
    if (waitMs > 0) await Bun.sleep(waitMs)
    const beganAt = performance.now()
    readAt = beganAt
    changed.ids.clear()
    changed.isGap = false
    const rows = await db
      .select({
        id: serviceKeys.id,
        name: serviceKeys.name,
        hash: serviceKeys.hash,
        scopes: serviceKeys.scopes,
        secondsLeft: sql<number>`coalesce(${secondsUntil(serviceKeys.expiresAt)}, 'infinity')`,
        secondsUnused: sql<number>`coalesce(${secondsSince(serviceKeys.lastUsedAt)}, 'infinity')`,
      })
      .from(serviceKeys)
      .where(isValid)
    const found = rows.map(({ hash, secondsLeft, secondsUnused, ...row }) => {
      const untilMs = beganAt + secondsLeft * 1000
      return [hash, toKnown(row, untilMs, beganAt + (LAST_USE_SECONDS - secondsUnused) * 1000)] as const
    })
    const result = { beganAt, byHash: new Map(found) }
    // Takes in what changed during the read.
    changes.isCurrent()
    forget()
    if (!haveChanged(rows)) keys = result
    return result
  }

  /** Reads the table in a statement that begins after `moment`, or earlier if that finds the key and is still certain. */
  async function readAfter(moment: number, hash: string) {
    for (;;) {
      reading ??= read().finally(() => {
        reading = undefined
      })
      const result = await reading
      const certain = certainKeys(performance.now())
      if (certain?.byHash.has(hash)) return certain
      if (result.beganAt >= moment) return result
    }
  }

  async function search(key: string) {
    const hash = digest(key)
    const entry = fromSettings.get(hash)
    if (entry) {
      known.set(key, { found: entry, isFromSettings: true })
      return entry
    }
    const now = performance.now()
    const found = certainKeys(now)?.byHash.get(hash) ?? (await readAfter(now, hash)).byHash.get(hash)
    if (found && keys?.byHash.get(hash) === found) known.set(key, { found, isFromSettings: false })
    return found ? use(found) : null
  }

  function use(key: Known): ServiceKey | null {
    const now = performance.now()
    if (now >= key.untilMs) return null
    if (now >= key.nextUseAtMs) {
      key.nextUseAtMs = now + LAST_USE_SECONDS * 1000
      writeLastUse(key.id)
    }
    return key
  }

  /** The request does not wait for it, and a lost update does not matter. */
  function writeLastUse(id: string) {
    const { lastUsedAt } = serviceKeys
    const isOld = or(isNull(lastUsedAt), lt(lastUsedAt, secondsAgo(LAST_USE_SECONDS)))
    db.update(serviceKeys)
      .set({ lastUsedAt: sql`now()` })
      .where(and(eq(serviceKeys.id, id), isOld))
      .catch(() => {})
  }

  return {
    /**
     * The service of a key; null if there is none. Without a promise if the key is in memory.
     * @throws `SERVICE_UNAVAILABLE` if the table cannot be read
     */
    find(key: string): ServiceKey | null | Promise<ServiceKey | null> {
      const seen = known.get(key)
      if (seen?.isFromSettings) return seen.found
      if (seen && certainKeys(performance.now())) return use(seen.found)
      // A wrong checksum needs no hash.
      return isServiceKey(key) ? search(key) : null
    },
  }
}

const NEVER = Number.POSITIVE_INFINITY

type Row = { id: string; name: string; scopes?: string[] }

/** Scopes that this version does not know have no effect. */
function toKnown({ id, name, scopes }: Row, untilMs = NEVER, nextUseAtMs = NEVER): Known {
  return { id, name, scopes: new Set((scopes ?? VERIFIER_SCOPES) as Scope[]), untilMs, nextUseAtMs }
}
