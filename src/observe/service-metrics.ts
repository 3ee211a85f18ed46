import { Counter, Histogram, type Registry } from 'prom-client'

/** Up to 2 s, after which a password hash that still waits is refused. */
const WAIT_BUCKETS_SECONDS = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2]

/** Counts events of the authentication service when they happen. */
export function createServiceMetrics(registry: Registry) {
  const registers = [registry]
  const wait = new Histogram({
    name: 'servauth_hashing_wait_seconds',
    help: 'How long password hashes waited in the queue',
    buckets: WAIT_BUCKETS_SECONDS,
    registers,
  })
  const refused = new Counter({
    name: 'servauth_hashing_refused_total',
    help: 'Operations refused because the queue for password hashing was full or too slow',
    registers,
  })
  const limited = new Counter({
    name: 'servauth_limited_total',
    help: 'Attempts, mails and events over a limit, by the name of the limit in THROTTLE_LIMITS',
    labelNames: ['limit'],
    registers,
  })
  const opened = new Counter({
    name: 'servauth_sessions_opened_total',
    help: 'Sessions opened, by operation',
    labelNames: ['operation'],
    registers,
  })
  const reused = new Counter({
    name: 'servauth_refresh_reused_total',
    help: 'Sessions ended because an old refresh token was used',
    registers,
  })
  return {
    onHashStarted: (ms: number) => wait.observe(ms / 1000),
    onHashRefused: () => refused.inc(),
    onLimitReached: (limit: string) => limited.inc({ limit }),
    onSessionOpened: (operation: string) => opened.inc({ operation }),
    onRefreshReused: () => reused.inc(),
  }
}
