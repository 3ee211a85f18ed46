import postgres from 'postgres'
import { createDeadline } from '../deadline.ts'
import { connectionOptions } from './client.ts'

export type Changes = ReturnType<typeof createChanges>

/** Named in the triggers of the migration `tell_of_changes`. */
const CHANNEL = 'servauth_changed'
/** What a TRUNCATE says in the place of an id. */
const EVERYTHING = '*'

/** How often the connection has to prove that it lives, and how long a proof is good. */
export const HEARTBEAT_MS = 40
export const PROOF_MS = 180
/**
 * How often somebody else has to be heard. An answer alone does not prove it: a pooler may answer for a backend that
 * listens, and after a switch to another server the old one answers on.
 */
export const WORD_MS = 5000
/** A heartbeat that takes longer is not waited for: the connection is given up for another. */
const LOST_MS = 2000
const RETRY_MS = 250

type Subscriber = {
  /** The session or the user with this id is not what it was. */
  onChange: (id: string) => void
  /** Changes may have been missed: what is remembered is worth nothing. */
  onGap: () => void
}

/**
 * Hears of every change of a session or a user, whoever makes it, through the database's triggers.
 *
 * A heartbeat asks the listening backend whether it listens. Its answer comes after all that was committed
 * before the question, so it proves that nothing older is missing. `isCurrent` holds while the last proven
 * question is less than {@link PROOF_MS} old: a cut, frozen, slow or foreign connection ends it by itself. `onLost` is
 * told once when nothing is heard any more.
 */
export function createChanges(url: string, onLost: (fault: unknown) => void = () => {}) {
  const inTime = createDeadline(LOST_MS)
  let subscriber: Subscriber = { onChange: () => {}, onGap: () => {} }
  let provenAt = Number.NEGATIVE_INFINITY
  /** The same, also after what was known has been given up. */
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
      // Not in the driver's types. Its own `listen` uses a connection that nothing else can be asked on.
      onnotify: (_channel: string, id: string) => {
        const hear = words.get(id)
        if (hear) hear()
        else if (id === EVERYTHING) subscriber.onGap()
        else subscriber.onChange(id)
      },
      // The driver would connect anew in silence, at once and without end, and that backend listens to nothing.
      onclose: () => lose(new Error('The connection was closed')),
    }
    const sql = postgres(url, options as never)

    /** That what is said on another connection is heard on this one. */
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
      // From here on by the state: a race with what lasts for days would be remembered at each heartbeat.
      while (!isStopped()) {
        const askedAt = performance.now()
        if (askedAt - wordAt > WORD_MS) {
          wordAt = askedAt
          hearsWord().catch(lose)
        }
        const channels = await inTime(sql`select from pg_listening_channels()`, late)
        if (state.isLost || channels.length === 0) throw new Error('Nothing is heard any more')
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
    /** Whether all that was committed until {@link PROOF_MS} ago is known here. */
    isCurrent: () => performance.now() - provenAt < PROOF_MS,
    /** How long ago all was known for sure, in milliseconds. */
    ageMs: () => performance.now() - lastProvenAt,
    /** @internal Waits until all that is committed by now is known here. */
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

/** Says something on another connection, made anew: wherever the address leads to by now. */
async function tell(url: string, what: string) {
  const sql = postgres(url, { ...connectionOptions, max: 1 })
  try {
    await sql`select pg_notify(${CHANNEL}, ${what})`
  } finally {
    await sql.end({ timeout: 0 })
  }
}

const late = () => new Error('The database did not answer in time')
