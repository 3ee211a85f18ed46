import { LRUCache } from 'lru-cache'

/** How long keys stay in the cache. */
export const MAX_KEY_AGE_MS = 60_000

/** Options for a read that skips the cache. If the read fails, an older value does not take its place. */
const UNCACHED = { forceRefresh: true, allowStaleOnFetchRejection: false } as const

/** Not a value that is too old, and it stays in use if the next read fails. */
const FRESH = { allowStale: false, noDeleteOnStaleGet: true } as const

/** A value that is read again every minute. If a read fails, the last known value stays in use. */
export function createLastKnown<Value extends object>(read: () => Promise<Value>) {
  let fault: unknown
  const cache = new LRUCache<'value', Value>({
    max: 1,
    ttl: MAX_KEY_AGE_MS,
    // A function, so that tests can set the clock; plus 1, because the library reads 0 as "no time".
    perf: { now: () => performance.now() + 1 },
    // Otherwise the library keeps the time until a timer ends. A busy event loop delays the timer, and so the next read.
    ttlResolution: 0,
    allowStaleOnFetchRejection: true,
    noDeleteOnFetchRejection: true,
    fetchMethod: () =>
      read().catch((cause: unknown) => {
        fault = cause
        throw cause
      }),
  })
  const fetch = async (options = {}) => {
    const value = await cache.fetch('value', options)
    // Without a last known value, the library returns undefined in place of the error.
    if (value === undefined) throw fault
    return value
  }
  return {
    /** @throws the error of the read if there is no last known value */
    // Most reads find a value that is fresh, and `fetch` costs more than the rest of such a read.
    get: (): Value | Promise<Value> => cache.get('value', FRESH) ?? fetch(),
    /** Reads the value now. @throws the error of the read */
    getUncached: () => fetch(UNCACHED),
    /** How long ago the value was read. */
    ageMs: () => MAX_KEY_AGE_MS - cache.getRemainingTTL('value'),
  }
}
