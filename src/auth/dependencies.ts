import type { Changes } from '../db/changes/changes.ts'
import type { Db } from '../db/client.ts'
import type { Env } from '../env.ts'
import type { Languages } from '../mail/languages.ts'
import type { Span } from '../span.ts'
import { createRoles } from './administration/roles/roles.ts'
import { createBetterAuth } from './better-auth/better-auth.ts'
import { createFactorProofs } from './factors/factor-proofs.ts'
import { createRequiredFactor } from './factors/required-factor.ts'
import { createAccessTokens } from './keys/access-tokens.ts'
import { createEncryption } from './keys/encryption.ts'
import { createLostSecrets } from './keys/lost-secrets.ts'
import { reencryptFactors, reencryptSigningKeys, reencryptWebhooks } from './keys/re-encryption.ts'
import type { Secrets } from './keys/sealed-tokens.ts'
import { createSigningKeys } from './keys/signing-keys.ts'
import { createTokenClaims } from './keys/token-claims.ts'
import { createMailedTokens } from './mailing/mailed-tokens.ts'
import { createOutbox } from './mailing/outbox.ts'
import { createRedeemToken } from './mailing/redeem-token.ts'
import type { Observer } from './observer.ts'
import { createCeremonies } from './passkeys/ceremonies.ts'
import { listPasskeyOrigins } from './passkeys/origins.ts'
import { createPasskeyProofs } from './passkeys/passkey-proofs.ts'
import { createRelyingParty } from './passkeys/relying-party.ts'
import { createHashClasses } from './passwords/hash-classes.ts'
import { createPasswords } from './passwords/passwords.ts'
import { createServiceKeys } from './services/service-keys.ts'
import { createCredentials } from './sessions/credentials.ts'
import { createRefreshTokens } from './sessions/refresh-tokens.ts'
import { createSessionCache } from './sessions/session-cache.ts'
import { createIssueCredentials } from './sign-in/issue-credentials.ts'
import { createOpenSession } from './sign-in/opening/open-session.ts'
import { createRegistrationHashes } from './sign-in/registration-hashes.ts'
import { createReplaceSession } from './sign-in/replace-session.ts'
import { createSignInChallenges } from './sign-in/sign-in-challenges.ts'
import type { CounterFactory } from './throttle/counter.ts'
import { createPlaces } from './throttle/places.ts'
import { createThrottle } from './throttle/throttle.ts'
import { createWebhookSecrets } from './webhooks/webhook-secrets.ts'

/** The parts that the operations are built from. Each operation takes only those it names. */
export type Dependencies = ReturnType<typeof createDependencies>

export type CoreOptions = {
  env: Env & { AUTH_SECRET: string }
  db: Db
  changes: Changes
  canMail: boolean
  languages: Languages
  createCounter: CounterFactory
  /** Only if metrics and traces are on. */
  observer?: Observer | undefined
  span?: Span | undefined
}

/** Creates the parts, each from the ones before it. */
export function createDependencies({
  env,
  db,
  changes,
  canMail,
  languages,
  createCounter,
  observer,
  span,
}: CoreOptions) {
  const passwords = createPasswords(env, createHashClasses(db), { observer, span })
  const secrets: Secrets = env.AUTH_SECRET_PREVIOUS
    ? [env.AUTH_SECRET, env.AUTH_SECRET_PREVIOUS]
    : [env.AUTH_SECRET]
  const refreshTokens = createRefreshTokens(secrets)
  const registrationHashes = createRegistrationHashes({ passwords, secrets })
  const mailedTokens = createMailedTokens(secrets)
  const places = createPlaces({ db, secrets })
  const outbox = createOutbox({ enabled: canMail, languages, places })
  const sessionCache = createSessionCache(changes)
  const roles = createRoles({ db, changes })
  const { find: findServiceKey } = createServiceKeys({ db, changes, entries: env.SERVICE_KEYS })
  const signingKeys = createSigningKeys({ db })
  const throttle = createThrottle({
    db,
    createCounter,
    enabled: env.THROTTLE,
    limits: env.THROTTLE_LIMITS,
    mailedTokens,
    places,
    observer,
  })
  const encryption = createEncryption(secrets, 'factor')
  const webhookEncryption = createEncryption(secrets, 'webhook')
  const reencryptKeys = () => reencryptSigningKeys({ db, secrets })
  const issuer = new URL(env.PUBLIC_URL).hostname
  const relyingParty = createRelyingParty({
    id: env.PASSKEY_RP_ID,
    name: issuer,
    origins: listPasskeyOrigins(env),
  })
  const ceremonies = createCeremonies({ db })
  const passkeyProofs = createPasskeyProofs({ db, outbox, relyingParty })
  const parts = {
    ceremonies,
    challenges: createSignInChallenges({ db, places }),
    db,
    /** For secrets of factors at rest. */
    encryption,
    factorProofs: createFactorProofs({ db, encryption, outbox, passkeyProofs }),
    mailedTokens,
    observer,
    outbox,
    passkeyProofs,
    passwords,
    places,
    refreshTokens,
    registrationHashes,
    relyingParty,
    roles,
    /** After a commit that changes a session or a user, evict it here. Other replicas get a NOTIFY. */
    sessionCache,
    throttle,
    webhookSecrets: createWebhookSecrets(webhookEncryption, env.WEBHOOK_SECRETS),
  }
  const openSession = createOpenSession({ ...parts, settings: env })
  const betterAuth = createBetterAuth({ ...parts, reencryptKeys, openSession, settings: env, signingKeys })
  const tokenClaims = createTokenClaims({ roles, settings: env })
  const accessTokens = createAccessTokens(betterAuth.api, env, tokenClaims)
  const credentials = createCredentials({ db, accessTokens, refreshTokens, sessionCache, tokenClaims })
  const requiredFactor = createRequiredFactor(env)
  const issueCredentials = createIssueCredentials(accessTokens, requiredFactor)

  return {
    ...parts,
    accessTokens,
    betterAuth,
    credentials,
    findServiceKey,
    issueCredentials,
    /** The name of this server in authenticator apps. */
    issuer,
    /** The languages that mails are written in. */
    languages,
    redeemToken: createRedeemToken(parts),
    replaceSession: createReplaceSession(parts),
    requireEmailVerification: env.REQUIRE_EMAIL_VERIFICATION,
    requiredFactor,
    signingKeys,
    /** Before the first request: nothing is encrypted with the former secret, and there is a key that signs. */
    async prepare() {
      await reencryptKeys()
      await reencryptFactors({ db, encryption })
      await reencryptWebhooks({ db, encryption: webhookEncryption })
      await accessTokens.prepare()
    },
    countLostSecrets: createLostSecrets({ db, encryption, webhookEncryption }),
  }
}
