import type { Db } from '../db/client.ts'
import type { BetterAuth } from './better-auth.ts'
import type { Credentials } from './credentials.ts'
import type { Grant } from './grant.ts'
import type { MailedTokens } from './mailed-tokens.ts'
import type { Outbox } from './outbox.ts'
import type { Passwords } from './passwords.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import type { SessionCache } from './session-cache.ts'
import type { Throttle } from './throttle.ts'

/** What the use cases are made of. Each takes the parts it names. */
export type Core = {
  db: Db
  betterAuth: BetterAuth
  credentials: Credentials
  grant: Grant
  mailedTokens: MailedTokens
  outbox: Outbox
  passwords: Passwords
  refreshTokens: RefreshTokens
  requireEmailVerification: boolean
  /** Whoever changes a session or a user forgets it here, once it is committed; elsewhere the database tells. */
  sessionCache: SessionCache
  throttle: Throttle
}
