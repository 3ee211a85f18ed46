import type { Db } from '../db/client.ts'
import type { BetterAuth } from './better-auth/better-auth.ts'
import type { MailedTokens } from './mailing/mailed-tokens.ts'
import type { Outbox } from './mailing/outbox.ts'
import type { Passwords } from './passwords/hashing.ts'
import type { Credentials } from './sessions/credentials.ts'
import type { RefreshTokens } from './sessions/refresh-tokens.ts'
import type { SessionCache } from './sessions/session-cache.ts'
import type { IssueCredentials } from './sign-in/issue-credentials.ts'
import type { Throttle } from './throttle/throttle.ts'

/** What the use cases are made of. Each takes the parts it names. */
export type Core = {
  db: Db
  betterAuth: BetterAuth
  credentials: Credentials
  issueCredentials: IssueCredentials
  mailedTokens: MailedTokens
  outbox: Outbox
  passwords: Passwords
  refreshTokens: RefreshTokens
  requireEmailVerification: boolean
  /** Whoever changes a session or a user forgets it here, once it is committed; elsewhere the database tells. */
  sessionCache: SessionCache
  throttle: Throttle
}
