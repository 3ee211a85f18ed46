import { Counter, Gauge, type Registry } from 'prom-client'
import type { AuthService } from '../auth/service.ts'
import type { Changes } from '../db/changes.ts'
import type { Db } from '../db/client.ts'
import { createStored } from './stored.ts'

export type Watched = {
  vitals: AuthService['vitals']
  changes: Changes
  /** How many calls to the database are under way, and how many connections there are for them. */
  pool: { underWay: () => number; connections: number }
  db: Db
  isReady: () => Promise<boolean>
}

/** How the numbers of several processes become one. */
type Together = 'sum' | 'min' | 'max'

/** What is read at the moment of a scrape, and costs nothing in between. */
export function registerState(registry: Registry, { vitals, changes, pool, db, isReady }: Watched) {
  const stored = createStored(db)

  function gauge(
    name: string,
    help: string,
    read: () => number | Promise<number>,
    aggregator: Together = 'sum',
  ) {
    const registered: Gauge = new Gauge({
      name: `servauth_${name}`,
      help,
      aggregator,
      registers: [registry],
      collect: async () => registered.set(await read()),
    })
  }

  const ready = () => isReady().catch(() => false)
  gauge('ready', 'Whether requests are served: 1 or 0', async () => Number(await ready()), 'min')
  gauge('processes', 'How many processes answer on the port', () => 1)

  gauge('hashing_running', 'Password hashes being computed', () => vitals.hashing().running)
  gauge('hashing_waiting', 'Password hashes waiting for their turn', () => vitals.hashing().waiting)

  const { underWay, connections } = pool
  gauge('database_connections', 'Connections of the pool at most', () => connections)
  gauge('database_connections_in_use', 'Connections taken by calls to the database', () =>
    Math.min(underWay(), connections),
  )
  gauge('database_calls_waiting', 'Calls to the database for which there is no connection of their own', () =>
    Math.max(underWay() - connections, 0),
  )

  const lookups = new Counter({
    name: 'servauth_session_cache_lookups_total',
    help: 'Credentials looked up in memory: found (hit), not found (miss), or not looked for while changes may be unknown (bypass)',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      const { hits, misses, bypasses } = vitals.sessionCache.counts
      lookups.reset()
      lookups.inc({ outcome: 'hit' }, hits)
      lookups.inc({ outcome: 'miss' }, misses)
      lookups.inc({ outcome: 'bypass' }, bypasses)
    },
  })
  gauge('session_cache_entries', 'Credentials remembered', vitals.sessionCache.size)
  gauge(
    'changes_age_seconds',
    'How long ago all changes of sessions and users were known for sure; since the start, if never',
    () => Math.min(changes.ageMs() / 1000, process.uptime()),
    'max',
  )

  gauge('mail_pending', 'Mails that wait to be sent', async () => (await stored.mail()).pending, 'max')
  gauge(
    'mail_oldest_pending_seconds',
    'How long the oldest of them has waited',
    async () => (await stored.mail()).oldestSeconds,
    'max',
  )
  gauge(
    'mail_failed',
    'Mails given up in the last seven days',
    async () => (await stored.mail()).failed,
    'max',
  )
  gauge('sessions_live', 'Sessions that have not ended or expired', stored.liveSessions, 'max')
}
