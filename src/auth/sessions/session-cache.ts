import type { Viewer } from '../../contract/caller.ts'
import type { Changes } from '../../db/changes.ts'

export type SessionCache = ReturnType<typeof createSessionCache>

/** Enough for the users of a busy minute. An entry takes about 1 KB. */
export const MAX_ENTRIES = 20_000

/**
 * For how long requests with one credential share the load of the first. What a load finds is no older than its
 * beginning, so this is a part of the 250 ms within which every change takes effect.
 */
const MAX_SHARED_MS = 50

type Entry = Viewer & { until: number }
/** The changes that arrive while an entry is loaded. */
type Load = {
  beganAt: number
  changedIds: Set<string>
  missedChanges: boolean
  viewer?: Promise<Viewer>
}

/**
 * Caches the callers of credentials. A NOTIFY of the database evicts changed ones. While `Changes` is not certain to
 * receive every NOTIFY, the cache is not used. Times are milliseconds of the monotonic clock, which never steps back.
 */
export function createSessionCache(changes: Changes) {
  const entries = new Map<string, Entry>()
  /** The cached credentials of a session or a user, by its id. */
  const credentialsById = new Map<string, Set<string>>()
  const loads = new Set<Load>()
  /** By credential, the loads that later requests may share. */
  const sharedLoads = new Map<string, Load>()
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
    // Whose sessions they load is not known yet, and a client that has ended its session must not see it again.
    sharedLoads.clear()
    for (const credential of [...(credentialsById.get(id) ?? [])]) remove(credential)
  }

  function evictAll() {
    for (const load of loads) load.missedChanges = true
    sharedLoads.clear()
    entries.clear()
    credentialsById.clear()
  }

  changes.subscribe({ onChange: evict, onGap: evictAll })

  async function finish(credential: string, load: Load, read: () => Promise<Entry>) {
    loads.add(load)
    try {
      const entry = await read()
      const { sessionId, user } = entry
      // Takes in what changed during the read.
      changes.isCurrent()
      const { changedIds, missedChanges } = load
      if (!missedChanges && !changedIds.has(sessionId) && !changedIds.has(user.id)) add(credential, entry)
      return entry
    } finally {
      loads.delete(load)
      if (sharedLoads.get(credential) === load) sharedLoads.delete(credential)
    }
  }

  return {
    counts,
    size: () => entries.size,
    evict,

    /** Returns the cached caller, if it is certain to be up to date. */
    get(credential: string): Viewer | undefined {
      const now = performance.now()
      if (!changes.isCurrent(now)) {
        counts.bypasses++
        return undefined
      }
      const entry = entries.get(credential)
      if (entry && now < entry.until) {
        counts.hits++
        return entry
      }
      counts.misses++
      return undefined
    },

    /**
     * Reads an entry and caches it. If the session or the user changes during the read, the entry is not cached: it may
     * be older than the change, and would make an ended session live again.
     *
     * Requests share a read that has just begun. Otherwise all connections that use one credential would query the
     * database at once whenever its entry expires.
     */
    load(credential: string, read: () => Promise<Entry>): Promise<Viewer> {
      const beganAt = performance.now()
      const shared = sharedLoads.get(credential)
      if (shared?.viewer && beganAt - shared.beganAt < MAX_SHARED_MS) return shared.viewer
      const load: Load = { beganAt, changedIds: new Set(), missedChanges: false }
      sharedLoads.set(credential, load)
      load.viewer = finish(credential, load, read)
      return load.viewer
    },
  }
}
