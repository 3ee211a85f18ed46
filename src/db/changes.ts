import postgres from 'postgres'
import { createDeadline } from '../deadline.ts'
import { connectionOptions } from './client.ts'

export type Changes = ReturnType<typeof createChanges>

/** Named in the triggers of the migration `tell_of_changes`. */
const CHANNEL = 'servauth_changed'
/** What a TRUNCATE says in the place of an id. */
const EVERYTHING = '*'

/** How often the connection has to prove that it lives, and how long a proof is good. */
const HEARTBEAT_MS = 40
const PROOF_MS = 180
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
 * question is less than {@link PROOF_MS} old: a cut, frozen, slow or foreign connection ends it by itself.
 */
export function createChanges(url: string) {
  const inTime = createDeadline(LOST_MS)
  let subscriber: Subscriber = { onChange: () => {}, onGap: () => {} }
  let provenAt = Number.NEGATIVE_INFINITY
  let stopped = false
  let wake = () => {}

  const isStopped = () => stopped

  function open() {
    let closed = false
    const probe = `probe ${crypto.randomUUID()}`
    const { promise: heard, resolve: hear } = Promise.withResolvers<void>()
    const options = {
      ...connectionOptions,
      max: 1,
      idle_timeout: 0,
      max_lifetime: null,
      // Not in the driver's types. Its own `listen` uses a connection that nothing else can be asked on.
      onnotify: (_channel: string, id: string) => {
        if (id === probe) hear()
        else if (id === EVERYTHING) subscriber.onGap()
        else subscriber.onChange(id)
      },
      onclose: () => {
        closed = true
      },
    }
    const sql = postgres(url, options as never)
    return { sql, isClosed: () => closed, probe, heard }
  }

  /** Listens on one connection until it fails. */
  async function listen() {
    const { sql, isClosed, probe, heard } = open()
    try {
      await inTime(sql.unsafe(`listen ${CHANNEL}`), late)
      await inTime(Promise.all([tell(url, probe), heard]), late)
      subscriber.onGap()
      while (!isStopped()) {
        const askedAt = performance.now()
        // The driver may have connected anew in silence, and then this backend listens to nothing.
        const channels = await inTime(sql`select from pg_listening_channels()`, late)
        if (isClosed() || channels.length === 0) return
        provenAt = askedAt
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
      await listen().catch(() => {})
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
    ageMs: () => performance.now() - provenAt,
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

/**
 * Says something on another connection. A pooler that lends connections by the transaction takes the LISTEN, answers
 * for it and forwards nothing, so only what somebody else has said proves that anything is heard.
 */
async function tell(url: string, what: string) {
  const sql = postgres(url, { ...connectionOptions, max: 1 })
  try {
    await sql`select pg_notify(${CHANNEL}, ${what})`
  } finally {
    await sql.end({ timeout: 0 })
  }
}

const late = () => new Error('The database did not answer in time')
