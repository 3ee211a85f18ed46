import type { RateLimitName } from '../settings/throttle.ts'

/** Receives events of the core when they happen, for example to count them as metrics. */
export type Observer = {
  /** A password hash left the queue after `waitMs` milliseconds. */
  onHashStarted(waitMs: number): void
  /** A password hash was refused, because the queue was full or the wait too long. */
  onHashRefused(): void
  /** A rate limit was reached. Some limits drop a mail or an event, and the client is not informed. */
  onLimitReached(limit: RateLimitName): void
  onSessionOpened(operation: 'register' | 'login'): void
  /** A client used an old refresh token, and the server ended its session. */
  onRefreshReused(): void
}
