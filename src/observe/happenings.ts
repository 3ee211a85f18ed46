import { Counter, Histogram, type Registry } from 'prom-client'
import type { Observer } from '../auth/observer.ts'

/** Up to the two seconds after which a hash is refused. */
const SECONDS = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2]

/** Counts what the service tells as it happens. */
export function createHappenings(registry: Registry): Observer {
  const registers = [registry]
  const wait = new Histogram({
    name: 'servauth_hashing_wait_seconds',
    help: 'How long password hashes waited for their turn',
    buckets: SECONDS,
    registers,
  })
  const refused = new Counter({
    name: 'servauth_hashing_refused_total',
    help: 'Operations refused because too many passwords were being hashed',
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
    help: 'Sessions made, by operation',
    labelNames: ['operation'],
    registers,
  })
  const reused = new Counter({
    name: 'servauth_refresh_reused_total',
    help: 'Sessions ended because an old refresh token was used',
    registers,
  })
  return {
    waitedForHash: (ms) => wait.observe(ms / 1000),
    hashingRefused: () => refused.inc(),
    limited: (limit) => limited.inc({ limit }),
    sessionOpened: (operation) => opened.inc({ operation }),
    refreshReused: () => reused.inc(),
  }
}
