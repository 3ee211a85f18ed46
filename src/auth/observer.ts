import type { RateLimitName } from '../env.ts'

/** What whoever watches the service is told as it happens. */
export type Observer = {
  /** A hash got its turn after so many milliseconds. */
  waitedForHash(ms: number): void
  /** Hashing was refused: too many inside, or waited too long. */
  hashingRefused(): void
  /** A limit was reached, whether the caller was told so or not. */
  limited(limit: RateLimitName): void
  sessionOpened(operation: 'register' | 'login'): void
  /** An old refresh token was used, and its session was ended. */
  refreshReused(): void
}
