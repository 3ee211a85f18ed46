import type { Viewer } from '../../contract/caller.ts'
import type { Changes } from '../../db/changes.ts'

export type SessionCache = ReturnType<typeof createSessionCache>

/** Enough for the users of a busy minute; some 1 KB each. */
const MOST_ENTRIES = 20_000

type Entry = Viewer & { until: number }
type Reading = { changed: Set<string>; missed: boolean }

/**
 * Who a presented credential is, without a query. What is remembered goes when the database tells of a
 * change, and is not looked at while it is not certain that all changes are known (`Changes`). Times are
 * in milliseconds of the monotonic clock, so that no step of the clock makes an entry live longer.
 */
export function createSessionCache(changes: Changes) {
  const entries = new Map<string, Entry>()
  /** The credentials of a session or a user, by its id. */
  const credentials = new Map<string, Set<string>>()
  const readings = new Set<Reading>()
  const counts = { hits: 0, misses: 0, bypasses: 0 }

  function remove(credential: string) {
    const entry = entries.get(credential)
    if (!entry) return
    entries.delete(credential)
    for (const id of [entry.sessionId, entry.user.id]) {
      const ofOwner = credentials.get(id)
      ofOwner?.delete(credential)
      if (ofOwner?.size === 0) credentials.delete(id)
    }
  }

  function add(credential: string, entry: Entry) {
    remove(credential)
    // The oldest goes first: every entry is read anew within a minute anyway.
    for (const oldest of entries.keys()) {
      if (entries.size < MOST_ENTRIES) break
      remove(oldest)
    }
    entries.set(credential, entry)
    for (const id of [entry.sessionId, entry.user.id]) {
      const ofOwner = credentials.get(id)
      if (ofOwner) ofOwner.add(credential)
      else credentials.set(id, new Set([credential]))
    }
  }

  /** The session or the user with this id is not what it was. */
  function forget(id: string) {
    for (const reading of readings) reading.changed.add(id)
    for (const credential of [...(credentials.get(id) ?? [])]) remove(credential)
  }

  function forgetAll() {
    for (const reading of readings) reading.missed = true
    entries.clear()
    credentials.clear()
  }

  changes.subscribe({ onChange: forget, onGap: forgetAll })

  return {
    counts,
    size: () => entries.size,
    forget,

    /** Whom a credential was found to be lately, if that is certain to hold. */
    find(credential: string): Viewer | undefined {
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
     * Remembers what `read` finds, unless a change of it is heard of meanwhile: what was read may be
     * older than the change, and would bring back what has ended.
     */
    async keep(credential: string, read: () => Promise<Entry>): Promise<Viewer> {
      const reading: Reading = { changed: new Set(), missed: false }
      readings.add(reading)
      try {
        const entry = await read()
        const { sessionId, user } = entry
        const { changed, missed } = reading
        if (!missed && !changed.has(sessionId) && !changed.has(user.id)) add(credential, entry)
        return entry
      } finally {
        readings.delete(reading)
      }
    },
  }
}
