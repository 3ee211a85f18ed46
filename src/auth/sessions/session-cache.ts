import { LRUCache } from 'lru-cache'
import type { Viewer } from '../../contract/caller.ts'
import type { Changes } from '../../db/changes/changes.ts'

export type SessionCache = ReturnType<typeof createSessionCache>

/** What all entries take together, with the answers that were written for them: enough for some 15,000 users. */
export const MAX_CACHE_BYTES = 32 * 1024 * 1024
/** What an entry and an answer take besides their texts, as measured. */
const ENTRY_BYTES = 1400
const ANSWER_BYTES = 160
/** A session has one credential at a time, and more for a while after a refresh or in several tabs. */
export const MAX_CREDENTIALS_PER_SESSION = 8
/** A client asks in few ways, and an answer has few fields. */
const MAX_ANSWERS_PER_ENTRY = 4
const MAX_ANSWER_CHARACTERS = 4096
/** How often expired entries are removed while there are any entries. */
const CLEANUP_MS = 30_000

/**
 * For how long requests with one credential share the load of the first. What a load finds is no older than its
 * beginning, so this is a part of the 250 ms within which every change takes effect.
 */
const MAX_SHARED_MS = 50

type Found = Pick<Viewer, 'user' | 'sessionId' | 'hasFactor' | 'factorProvenAt'> & { until: number }

/** Loads that began within a short time, and the changes that have arrived since the first of them. */
class Batch {
  readonly beganAt: number
  /** By credential. A load that has ended leaves its key behind. */
  readonly loads = new Map<string, Promise<Viewer> | undefined>()
  readonly changedIds = new Set<string>()
  missedChanges = false
  running = 0

  constructor(beganAt: number) {
    this.beganAt = beganAt
  }
}

/**
 * Caches the callers of credentials. A NOTIFY of the database evicts changed ones. While `Changes` is not certain to
 * receive every NOTIFY, the cache is not used. Times are milliseconds of the monotonic clock, which never steps back.
 */
export function createSessionCache(changes: Changes) {
  const entries = new LRUCache<string, Entry>({ maxSize: MAX_CACHE_BYTES, dispose: unlink })
  /** The entries of a session or a user, by its id; the oldest first. One entry needs no set, which would double its size. */
  const entriesById = new Map<string, Entry | Set<Entry>>()
  // Loads are not kept in one `Map` from which each is deleted: its former tables would keep all of them in memory, see
  // docs/decisions/processes.md.
  let batches: Batch[] = []
  /** The batch whose loads later requests may share. */
  let latest: Batch | undefined
  const counts = { hits: 0, misses: 0, bypasses: 0 }
  let isCleanupDue = false

  function entriesOf(id: string): Iterable<Entry> {
    const found = entriesById.get(id)
    return found instanceof Entry ? [found] : (found ?? [])
  }

  function link(entry: Entry) {
    for (const id of entry.ids) {
      const found = entriesById.get(id)
      if (!found) entriesById.set(id, entry)
      else if (found instanceof Entry) entriesById.set(id, new Set([found, entry]))
      else found.add(entry)
    }
  }

  function unlink(entry: Entry) {
    for (const id of entry.ids) {
      const found = entriesById.get(id)
      if (found instanceof Set) found.delete(entry)
      if (found === entry || (found instanceof Set && found.size === 0)) entriesById.delete(id)
    }
  }

  function add(entry: Entry) {
    const ofSession = [...entriesOf(entry.sessionId)]
    if (ofSession.length >= MAX_CREDENTIALS_PER_SESSION) remove(ofSession[0])
    entries.set(entry.credential, entry, { size: entry.bytes() })
    link(entry)
    if (!isCleanupDue) scheduleCleanup()
  }

  function remove(entry: Entry | undefined) {
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
  function resize(entry: Entry) {
    if (entries.peek(entry.credential) !== entry) return
    remove(entry)
    add(entry)
  }

  /** Call it after every commit that changes the session or the user with this id. */
  function evict(id: string) {
    // A batch without a running load may be the last for days. It must not collect what changes meanwhile.
    for (const batch of batches) if (batch.running > 0) batch.changedIds.add(id)
    // It is not known yet whose session each load reads, and a client that ended its session must not see it again.
    latest = undefined
    for (const entry of [...entriesOf(id)]) remove(entry)
  }

  function evictAll() {
    for (const batch of batches) batch.missedChanges = true
    latest = undefined
    entries.clear()
  }

  changes.subscribe({ onChange: evict, onGap: evictAll })

  function openBatch(beganAt: number) {
    latest = new Batch(beganAt)
    batches = [...batches.filter(({ running }) => running > 0), latest]
    return latest
  }

  async function finish(credential: string, batch: Batch, read: () => Promise<Found>) {
    batch.running++
    try {
      const entry = new Entry(credential, await read(), resize)
      const { sessionId, user } = entry
      // Takes in what changed during the read.
      changes.isCurrent()
      const { changedIds, missedChanges } = batch
      if (!missedChanges && !changedIds.has(sessionId) && !changedIds.has(user.id)) add(entry)
      return entry
    } finally {
      batch.running--
      batch.loads.set(credential, undefined)
    }
  }

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

    /**
     * Reads an entry and caches it, unless the session or the user changes during the read: then the entry may be older
     * than the change. Requests share a read that has just begun. Otherwise all connections that use one credential would
     * query the database at once whenever its entry expires.
     */
    load(credential: string, read: () => Promise<Found>): Promise<Viewer> {
      const beganAt = performance.now()
      const batch = latest && beganAt - latest.beganAt < MAX_SHARED_MS ? latest : openBatch(beganAt)
      const shared = batch.loads.get(credential)
      if (shared) return shared
      const load = finish(credential, batch, read)
      batch.loads.set(credential, load)
      return load
    },
  }
}

/** The caller of one credential, and its answers as they were written. */
class Entry implements Viewer {
  readonly credential: string
  readonly user: Viewer['user']
  readonly sessionId: string
  readonly hasFactor: boolean
  readonly factorProvenAt: number
  readonly until: number
  readonly #onGrow: (entry: Entry) => void
  #answers: { key: string; text: string }[] | undefined

  constructor(
    credential: string,
    { user, sessionId, hasFactor, factorProvenAt, until }: Found,
    onGrow: (entry: Entry) => void,
  ) {
    this.credential = credential
    this.user = user
    this.sessionId = sessionId
    this.hasFactor = hasFactor
    this.factorProvenAt = factorProvenAt
    this.until = until
    this.#onGrow = onGrow
  }

  get ids() {
    return [this.sessionId, this.user.id]
  }

  findAnswer(key: string) {
    return this.#answers?.find((answer) => answer.key === key)?.text
  }

  keepAnswer(key: string, text: string) {
    if (key.length + text.length > MAX_ANSWER_CHARACTERS) return
    this.#answers = [...(this.#answers ?? []), { key, text }].slice(-MAX_ANSWERS_PER_ENTRY)
    this.#onGrow(this)
  }

  bytes() {
    const { email, username, locale, pendingEmail } = this.user
    // As a value, and in the answer of REST.
    const ofUser =
      2 *
      [email, username ?? '', locale ?? '', pendingEmail ?? ''].reduce((sum, text) => sum + bytesOf(text), 0)
    const ofAnswers = (this.#answers ?? []).reduce(
      (sum, { key, text }) => sum + ANSWER_BYTES + bytesOf(key) + bytesOf(text),
      0,
    )
    return ENTRY_BYTES + this.credential.length + ofUser + ofAnswers
  }
}

/** A character takes one byte, or two if any in its text is not Latin-1. */
const bytesOf = (text: string) => (/[^\0-\xff]/.test(text) ? 2 : 1) * text.length
