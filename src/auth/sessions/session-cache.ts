import { LRUCache } from 'lru-cache'
import type { Viewer } from '../../contract/caller.ts'
import type { Changes } from '../../db/changes/changes.ts'
import { CachedViewer } from './cached-viewer.ts'
import { createSessionLoads } from './session-loads.ts'

export type SessionCache = ReturnType<typeof createSessionCache>

/** What all entries take together, with the answers that were written for them: enough for some 15,000 users. */
export const MAX_CACHE_BYTES = 32 * 1024 * 1024
/** A session has one credential at a time, and more for a while after a refresh or in several tabs. */
export const MAX_CREDENTIALS_PER_SESSION = 8
/** How often expired entries are removed while there are any entries. */
const CLEANUP_MS = 30_000

/**
 * Caches the callers of credentials. A NOTIFY of the database evicts changed ones. While `Changes` is not certain to
 * receive every NOTIFY, the cache is not used. Times are milliseconds of the monotonic clock, which never steps back.
 */
export function createSessionCache(changes: Changes) {
  const entries = new LRUCache<string, CachedViewer>({ maxSize: MAX_CACHE_BYTES, dispose: unlink })
  /** The entries of a session or a user, by its id; the oldest first. One entry needs no set, which would double its size. */
  const entriesById = new Map<string, CachedViewer | Set<CachedViewer>>()
  const loads = createSessionLoads(changes, { onLoaded: add, onGrow: resize })
  const counts = { hits: 0, misses: 0, bypasses: 0 }
  let isCleanupDue = false

  function entriesOf(id: string): Iterable<CachedViewer> {
    const found = entriesById.get(id)
    return found instanceof CachedViewer ? [found] : (found ?? [])
  }

  function link(entry: CachedViewer) {
    for (const id of entry.ids) {
      const found = entriesById.get(id)
      if (!found) entriesById.set(id, entry)
      else if (found instanceof CachedViewer) entriesById.set(id, new Set([found, entry]))
      else found.add(entry)
    }
  }

  function unlink(entry: CachedViewer) {
    for (const id of entry.ids) {
      const found = entriesById.get(id)
      if (found instanceof Set) found.delete(entry)
      if (found === entry || (found instanceof Set && found.size === 0)) entriesById.delete(id)
    }
  }

  function add(entry: CachedViewer) {
    const ofSession = [...entriesOf(entry.sessionId)]
    if (ofSession.length >= MAX_CREDENTIALS_PER_SESSION) remove(ofSession[0])
    entries.set(entry.credential, entry, { size: entry.bytes() })
    link(entry)
    if (!isCleanupDue) scheduleCleanup()
  }

  function remove(entry: CachedViewer | undefined) {
    if (entry) entries.delete(entry.credential)
  }

  function scheduleCleanup() {
    isCleanupDue = entries.size > 0
    if (isCleanupDue) setTimeout(removeExpired, CLEANUP_MS).unref()
  }

  function removeExpired() {
    const now = performance.now()
    for (const entry of [...entries.values()]) if (entry.until <= now) remove(entry)
    scheduleCleanup()
  }

  /** An entry grows with its answers. The cache takes a new size only for a new entry. */
  function resize(entry: CachedViewer) {
    if (entries.peek(entry.credential) !== entry) return
    remove(entry)
    add(entry)
  }

  /** Call it after every commit that changes the session or the user with this id. */
  function evict(id: string) {
    loads.recordChange(id)
    for (const entry of [...entriesOf(id)]) remove(entry)
  }

  function evictAll() {
    loads.recordGap()
    entries.clear()
  }

  changes.subscribe({ onChange: evict, onGap: evictAll })

  return {
    counts,
    size: () => entries.size,
    /** What the entries take, in bytes, as it is counted. */
    bytes: () => entries.calculatedSize,
    evict,

    /** Returns the cached caller, if it is certain to be up to date. */
    get(credential: string): Viewer | undefined {
      const now = performance.now()
      if (!changes.isCurrent(now)) {
        counts.bypasses++
        return undefined
      }
      // Eviction goes by age, which costs nothing here: an entry lives for a minute at most.
      const entry = entries.peek(credential)
      if (entry && now < entry.until) {
        counts.hits++
        return entry
      }
      counts.misses++
      return undefined
    },

    /** Reads the caller and caches it, unless its session or user changes during the read. */
    load: loads.load,
  }
}
