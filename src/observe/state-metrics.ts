import { Counter, Gauge, type Registry } from 'prom-client'
import type { Db } from '../db/client.ts'
import { createDatabaseCounts } from './database-counts.ts'

/** The parts that are read at a scrape. Their types are repeated here, because this folder must not import theirs. */
export type ObservedParts = {
  vitals: {
    hashing: () => { running: number; waiting: number }
    sessionCache: { counts: { hits: number; misses: number; bypasses: number }; size: () => number }
  }
  changes: { ageMs: () => number }
  /** `underWay` is the number of calls to the database that wait or run; `connections` is the limit of the pool. */
  pool: { underWay: () => number; connections: number }
  db: Db
  isReady: () => Promise<boolean>
}

/** How the values of several processes become one. */
type Aggregator = 'sum' | 'min' | 'max'

/** Metrics that are read at a scrape and cost nothing in between. */
export function registerStateMetrics(
  registry: Registry,
  { vitals, changes, pool, db, isReady }: ObservedParts,
) {
  const databaseCounts = createDatabaseCounts(db)

  function addGauge(
    name: string,
    help: string,
    read: () => number | Promise<number>,
    aggregator: Aggregator = 'sum',
  ) {
    const gauge: Gauge = new Gauge({
      name: `servauth_${name}`,
      help,
      aggregator,
      registers: [registry],
      collect: async () => gauge.set(await read()),
    })
  }

  const ready = () => isReady().catch(() => false)
  addGauge('ready', 'Whether requests are served: 1 or 0', async () => Number(await ready()), 'min')
  addGauge('processes', 'How many processes answer on the port', () => 1)

  addGauge('hashing_running', 'Password hashes being computed', () => vitals.hashing().running)
  addGauge('hashing_waiting', 'Password hashes waiting in the queue', () => vitals.hashing().waiting)

  const { underWay, connections } = pool
  addGauge('database_connections', 'Limit of connections in the pool', () => connections)
  addGauge('database_connections_in_use', 'Connections used by calls to the database', () =>
    Math.min(underWay(), connections),
  )
  addGauge('database_calls_waiting', 'Calls to the database that wait for a connection', () =>
    Math.max(underWay() - connections, 0),
  )

  const lookups = new Counter({
    name: 'servauth_session_cache_lookups_total',
    help: 'Lookups in the session cache: found (hit), not found (miss), or not used because it may be out of date (bypass)',
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
  addGauge('session_cache_entries', 'Entries in the session cache', vitals.sessionCache.size)
  addGauge(
    'changes_age_seconds',
    'Time since the process last knew of every change to sessions and users; since its start, if never',
    () => Math.min(changes.ageMs() / 1000, process.uptime()),
    'max',
  )

  const { mail, deliveries, liveSessions } = databaseCounts
  addGauge('mail_pending', 'Mails waiting to be sent', async () => (await mail()).pending, 'max')
  addGauge(
    'mail_oldest_pending_seconds',
    'How long the oldest of these mails has waited',
    async () => (await mail()).oldestSeconds,
    'max',
  )
  addGauge(
    'mail_failed',
    'Mails that failed in the last seven days',
    async () => (await mail()).failed,
    'max',
  )
  addGauge(
    'webhook_deliveries_pending',
    'Events that wait for a webhook that is enabled',
    async () => (await deliveries()).pending,
    'max',
  )
  addGauge(
    'webhook_oldest_pending_seconds',
    'How long the oldest of these events has waited',
    async () => (await deliveries()).oldestSeconds,
    'max',
  )
  addGauge(
    'webhook_deliveries_failed',
    'Events that such a webhook did not accept for three days, in the last seven days',
    async () => (await deliveries()).failed,
    'max',
  )
  addGauge('sessions_live', 'Sessions that have not ended or expired', liveSessions, 'max')
}
