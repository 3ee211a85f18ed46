import type { Db } from '../db/client.ts'
import type { Languages } from '../mail/languages.ts'
import type { Roles } from './administration/roles.ts'
import type { BetterAuth } from './better-auth/better-auth.ts'
import type { Challenges } from './factors/challenges.ts'
import type { FactorProofs } from './factors/factor-proofs.ts'
import type { Encryption } from './keys/encryption.ts'
import type { MailedTokens } from './mailing/mailed-tokens.ts'
import type { Outbox } from './mailing/outbox.ts'
import type { Ceremonies } from './passkeys/ceremonies.ts'
import type { RelyingParty } from './passkeys/relying-party.ts'
import type { Passwords } from './passwords/hashing.ts'
import type { Credentials } from './sessions/credentials.ts'
import type { RefreshTokens } from './sessions/refresh-tokens.ts'
import type { SessionCache } from './sessions/session-cache.ts'
import type { IssueCredentials } from './sign-in/issue-credentials.ts'
import type { Places } from './throttle/places.ts'
import type { Throttle } from './throttle/throttle.ts'
import type { WebhookSecrets } from './webhooks/webhook-secrets.ts'

/** The parts that the operations are built from. Each operation takes only those it names. */
export type Dependencies = {
  db: Db
  betterAuth: BetterAuth
  ceremonies: Ceremonies
  challenges: Challenges
  credentials: Credentials
  /** For secrets of factors at rest. */
  encryption: Encryption
  factorProofs: FactorProofs
  issueCredentials: IssueCredentials
  /** The name of this server in authenticator apps. */
  issuer: string
  /** The languages that mails are written in. */
  languages: Languages
  mailedTokens: MailedTokens
  outbox: Outbox
  passwords: Passwords
  places: Places
  refreshTokens: RefreshTokens
  relyingParty: RelyingParty
  requireEmailVerification: boolean
  requireSecondFactor: boolean
  roles: Roles
  /** After a commit that changes a session or a user, evict it here. Other replicas get a NOTIFY. */
  sessionCache: SessionCache
  throttle: Throttle
  webhookSecrets: WebhookSecrets
}
