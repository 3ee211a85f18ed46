import { createDeadline } from '../../deadline.ts'
import { connect } from '../connection/connect.ts'
import { ConnectionFault, databaseTimeout } from '../connection/connection-fault.ts'
import { getNewestTimeline } from '../connection/timeline.ts'
import type { FeedWriter } from './change-feed.ts'

/** The channel on which the triggers of the migration `tell_of_changes` NOTIFY. */
const CHANNEL = 'servauth_changed'

/** How often a heartbeat proves that the connection works. */
export const HEARTBEAT_MS = 40
/**
 * How often a NOTIFY over another connection must arrive. A heartbeat alone is not enough: a pooler may answer without
 * forwarding, and after a failover the old server may still answer.
 */
export const ECHO_MS = 5000
/** If a heartbeat takes longer, the connection is closed and another one is opened. */
const MAX_HEARTBEAT_MS = 2000
const RETRY_MS = 250

type Options = {
  url: string
  feed: FeedWriter
  /** The main thread's clock. May be behind, never ahead. */
  now: () => number
  onLost: (fault: unknown) => void
}

/**
 * Listens for the NOTIFY of the database's triggers and writes every change of a session or a user to the feed.
 *
 * A heartbeat asks the listening backend whether it listens. The answer arrives after all changes that
 * were committed before the question, so it proves that none of them is missing.
 */
export function createChangeListener({ url, feed, now, onLost }: Options) {
  const inTime = createDeadline(MAX_HEARTBEAT_MS)
  let stopped = false
  let isResting = true
  let wake = () => {}
  let abandon = (_fault: Error) => {}

  const isStopped = () => stopped

  function openConnection() {
    const echoes = new Map<string, () => void>()
    const { promise: lost, reject: lose } = Promise.withResolvers<never>()
    const state = { isLost: false }
    lost.catch(() => {
      state.isLost = true
      wake()
    })
    let timeline: bigint | undefined
    const sql = connect(url, {
      isKept: true,
      onTimeline: (given) => {
        timeline = given
      },
      // The driver's own `listen` uses a connection that accepts no other queries.
      onnotify: (_channel, payload) => {
        const hear = echoes.get(payload)
        if (hear) hear()
        else feed.change(payload)
      },
      // Otherwise the driver would reconnect silently, at once and endlessly, and the new backend would not listen.
      onclose: () => lose(new ConnectionFault('ECONNRESET', 'The server has closed the connection')),
    })

    /** Resolves if a NOTIFY over another connection arrives on this one. */
    async function hearEcho() {
      const payload = `echo ${crypto.randomUUID()}`
      const { promise: heard, resolve: hear } = Promise.withResolvers<void>()
      echoes.set(payload, hear)
      await inTime(Promise.all([notify(url, payload), heard]), databaseTimeout).finally(() =>
        echoes.delete(payload),
      )
    }
    /** Whether another connection of this process has seen a newer primary. */
    const isOutdated = () => timeline !== undefined && timeline < getNewestTimeline()
    return { sql, lost, lose, hearEcho, isOutdated, state }
  }

  /** Listens on one connection until it fails. */
  async function listen() {
    const { sql, lost, lose, hearEcho, isOutdated, state } = openConnection()
    abandon = lose

    async function beat() {
      const askedAt = now()
      const channels = await inTime(sql`select from pg_listening_channels()`, databaseTimeout)
      if (channels.length === 0) throw new ConnectionFault('ECONNRESET', 'The connection no longer listens')
      if (isOutdated()) throw new ConnectionFault('ENOPRIMARY', 'Another server has become the primary')
      if (!state.isLost) feed.prove(askedAt)
    }

    try {
      await Promise.race([inTime(sql.unsafe(`listen ${CHANNEL}`), databaseTimeout), lost])
      await Promise.race([hearEcho(), lost])
      feed.gap()
      let echoAt = performance.now()
      // Reads the state instead of racing with `lost`: each race would add a handler to a promise that lasts for days.
      while (!state.isLost) {
        if (performance.now() - echoAt > ECHO_MS) {
          echoAt = performance.now()
          hearEcho().catch(lose)
        }
        // Not awaited: a slow answer must not delay the next question.
        beat().catch(lose)
        await pause(isResting ? ECHO_MS : HEARTBEAT_MS)
      }
      await lost
    } finally {
      feed.distrust()
      await sql.end({ timeout: 0 })
    }
  }

  async function pause(ms: number) {
    await new Promise<void>((resolve) => {
      wake = resolve
      setTimeout(resolve, ms)
    })
  }

  return {
    /** Makes the next heartbeat happen immediately. While it rests, hardly anything else does. */
    ask(rests: boolean) {
      isResting = rests
      wake()
    },
    stop() {
      stopped = true
      // Ends the wait for a connection, and the pause between heartbeats.
      abandon(new Error('The listener was stopped'))
      wake()
    },
    /** Resolves after `stop`. */
    async run() {
      while (!isStopped()) {
        await listen().catch(onLost)
        if (!isStopped()) await pause(RETRY_MS)
      }
    },
  }
}

/** Sends a NOTIFY over a fresh connection, so it reaches the server to which the address leads now. */
async function notify(url: string, payload: string) {
  const sql = connect(url)
  try {
    await sql`select pg_notify(${CHANNEL}, ${payload})`
  } finally {
    await sql.end({ timeout: 0 })
  }
}
