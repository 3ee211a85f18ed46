import postgres from 'postgres'
import { createDeadline } from '../deadline.ts'
import { connectionOptions } from './client.ts'

export type Changes = ReturnType<typeof createChanges>

/** The channel on which the triggers of the migration `tell_of_changes` NOTIFY. */
const CHANNEL = 'servauth_changed'
/** The payload of a TRUNCATE, instead of an id. */
const EVERYTHING = '*'

/** How often a heartbeat proves that the connection works, and how long a proof is valid. */
export const HEARTBEAT_MS = 40
export const PROOF_MS = 180
/**
 * How often a NOTIFY over another connection must arrive. A heartbeat alone is not enough: a pooler may answer without
 * forwarding, and after a failover the old server may still answer.
 */
export const WORD_MS = 5000
/** If a heartbeat takes longer, the connection is closed and another one is opened. */
const LOST_MS = 2000
const RETRY_MS = 250

type Subscriber = {
  /** The session or the user with this id has changed. */
  onChange: (id: string) => void
  /** Changes may have been missed, so all cache entries are invalid. */
  onGap: () => void
}

/**
 * Listens for changes of sessions and users. Triggers NOTIFY them, whatever program makes the change.
 *
 * A heartbeat asks the listening backend whether it listens. All changes that were committed before the question arrive
 * before the answer, so the answer proves that none is missing. `isCurrent` is true while the last proven question is
 * younger than {@link PROOF_MS}. `onLost` is called once when the connection is lost.
 */
export function createChanges(url: string, onLost: (fault: unknown) => void = () => {}) {
  const inTime = createDeadline(LOST_MS)
  let subscriber: Subscriber = { onChange: () => {}, onGap: () => {} }
  let provenAt = Number.NEGATIVE_INFINITY
  /** The same, but not reset when the connection is lost. */
  let lastProvenAt = provenAt
  let isLost = false
  let stopped = false
  let wake = () => {}

  const isStopped = () => stopped

  function open() {
    const words = new Map<string, () => void>()
    const { promise: lost, reject: lose } = Promise.withResolvers<never>()
    const state = { isLost: false }
    lost.catch(() => {
      state.isLost = true
      wake()
    })
    const options = {
      ...connectionOptions,
      max: 1,
      idle_timeout: 0,
      max_lifetime: null,
      // Missing in the driver's types. The driver's own `listen` uses a connection that accepts no other queries.
      onnotify: (_channel: string, id: string) => {
        const hear = words.get(id)
        if (hear) hear()
        else if (id === EVERYTHING) subscriber.onGap()
        else subscriber.onChange(id)
      },
      // Otherwise the driver would reconnect silently, at once and endlessly, and the new backend would not listen.
      onclose: () => lose(new Error('The connection was closed')),
    }
    const sql = postgres(url, options as never)

    /** Resolves if a NOTIFY over another connection arrives on this one. */
    async function hearsWord() {
      const word = `word ${crypto.randomUUID()}`
      const { promise: heard, resolve: hear } = Promise.withResolvers<void>()
      words.set(word, hear)
      await inTime(Promise.all([tell(url, word), heard]), late).finally(() => words.delete(word))
    }
    return { sql, lost, lose, hearsWord, state }
  }

  /** Listens on one connection until it fails. */
  async function listen() {
    const { sql, lost, lose, hearsWord, state } = open()
    try {
      await Promise.race([inTime(sql.unsafe(`listen ${CHANNEL}`), late), lost])
      await Promise.race([hearsWord(), lost])
      subscriber.onGap()
      let wordAt = performance.now()
      // Reads the state instead of racing with `lost`: each race would add a handler to a promise that lasts for days.
      while (!isStopped()) {
        const askedAt = performance.now()
        if (askedAt - wordAt > WORD_MS) {
          wordAt = askedAt
          hearsWord().catch(lose)
        }
        const channels = await inTime(sql`select from pg_listening_channels()`, late)
        if (state.isLost || channels.length === 0) throw new Error('The connection no longer listens')
        provenAt = askedAt
        lastProvenAt = askedAt
        isLost = false
        await pause(Math.max(0, askedAt + HEARTBEAT_MS - performance.now()))
      }
    } finally {
      provenAt = Number.NEGATIVE_INFINITY
      await sql.end({ timeout: 0 })
    }
  }

  async function pause(ms: number) {
    await new Promise<void>((resolve) => {
      wake = resolve
      setTimeout(resolve, ms)
    })
  }

  async function run() {
    while (!isStopped()) {
      await listen().catch((fault: unknown) => {
        if (!isLost) onLost(fault)
        isLost = true
      })
      if (!isStopped()) await pause(RETRY_MS)
    }
  }

  let running: Promise<void> | undefined
  return {
    /** One subscriber, for one cache. */
    subscribe(given: Subscriber) {
      subscriber = given
    },
    start() {
      running = run()
    },
    /** Whether all changes that were committed until {@link PROOF_MS} ago have arrived. */
    isCurrent: () => performance.now() - provenAt < PROOF_MS,
    /** How old the latest proof is that no change is missing, in milliseconds. */
    ageMs: () => performance.now() - lastProvenAt,
    /** @internal Waits until all changes that are committed by now have arrived. */
    async catchUp() {
      const asked = performance.now()
      while (provenAt < asked) {
        wake()
        await new Promise((done) => setTimeout(done, 1))
      }
    },
    async stop() {
      stopped = true
      wake()
      await running
    },
  }
}

/** Sends a NOTIFY over a fresh connection, so it reaches the server to which the address leads now. */
async function tell(url: string, what: string) {
  const sql = postgres(url, { ...connectionOptions, max: 1 })
  try {
    await sql`select pg_notify(${CHANNEL}, ${what})`
  } finally {
    await sql.end({ timeout: 0 })
  }
}

const late = () => new Error('The database did not answer in time')
