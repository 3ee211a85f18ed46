import type { Viewer } from '../../contract/caller.ts'
import type { Changes } from '../../db/changes.ts'

export type SessionCache = ReturnType<typeof createSessionCache>

/** Enough for the users of a busy minute. An entry takes about 1 KB. */
export const MAX_ENTRIES = 20_000

type Entry = Viewer & { until: number }
/** The changes that arrive while an entry is loaded. */
type Load = { changedIds: Set<string>; missedChanges: boolean }

/**
 * Caches the callers of credentials. A NOTIFY of the database evicts changed ones. While `Changes` is not certain to
 * receive every NOTIFY, the cache is not used. Times are milliseconds of the monotonic clock, which never steps back.
 */
export function createSessionCache(changes: Changes) {
  const entries = new Map<string, Entry>()
  /** The cached credentials of a session or a user, by its id. */
  const credentialsById = new Map<string, Set<string>>()
  const loads = new Set<Load>()
  const counts = { hits: 0, misses: 0, bypasses: 0 }

  function remove(credential: string) {
    const entry = entries.get(credential)
    if (!entry) return
    entries.delete(credential)
    for (const id of [entry.sessionId, entry.user.id]) {
      const ownCredentials = credentialsById.get(id)
      ownCredentials?.delete(credential)
      if (ownCredentials?.size === 0) credentialsById.delete(id)
    }
  }

  function add(credential: string, entry: Entry) {
    remove(credential)
    // Evicts the oldest entries first. No entry lives longer than a minute anyway.
    for (const oldest of entries.keys()) {
      if (entries.size < MAX_ENTRIES) break
      remove(oldest)
    }
    entries.set(credential, entry)
    for (const id of [entry.sessionId, entry.user.id]) {
      const ownCredentials = credentialsById.get(id)
      if (ownCredentials) ownCredentials.add(credential)
      else credentialsById.set(id, new Set([credential]))
    }
  }

  /** Call it after every commit that changes the session or the user with this id. */
  function evict(id: string) {
    for (const load of loads) load.changedIds.add(id)
    for (const credential of [...(credentialsById.get(id) ?? [])]) remove(credential)
  }

  function evictAll() {
    for (const load of loads) load.missedChanges = true
    entries.clear()
    credentialsById.clear()
  }

  changes.subscribe({ onChange: evict, onGap: evictAll })

  return {
    counts,
    size: () => entries.size,
    evict,

    /** Returns the cached caller, if it is certain to be up to date. */
    get(credential: string): Viewer | undefined {
      if (!changes.isCurrent()) {
        counts.bypasses++
        return undefined
      }
      const entry = entries.get(credential)
      if (entry && performance.now() < entry.until) {
        counts.hits++
        return entry
      }
      counts.misses++
      return undefined
    },

    /**
     * Reads an entry and caches it. If the session or the user changes during the read, the entry is not cached: it may
     * be older than the change, and would make an ended session live again.
     */
    async load(credential: string, read: () => Promise<Entry>): Promise<Viewer> {
      const load: Load = { changedIds: new Set(), missedChanges: false }
      loads.add(load)
      try {
        const entry = await read()
        const { sessionId, user } = entry
        const { changedIds, missedChanges } = load
        if (!missedChanges && !changedIds.has(sessionId) && !changedIds.has(user.id)) add(credential, entry)
        return entry
      } finally {
        loads.delete(load)
      }
    },
  }
}
