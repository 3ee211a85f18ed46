import type { Changes } from '../db/changes/changes.ts'
import type { Db } from '../db/client.ts'
import type { Env } from '../env.ts'
import type { Languages } from '../mail/languages.ts'
import type { Span } from '../span.ts'
import { createEmailLinks } from './account/email-links.ts'
import { createExport } from './account/export.ts'
import { createAcceptInvitation } from './account/invitation.ts'
import { createOwnAccount } from './account/own-account.ts'
import { createAccountsByAddress } from './administration/accounts-by-address.ts'
import { createAuditLog } from './administration/event-list.ts'
import { createManagedUsers } from './administration/managed-users.ts'
import { createNewUsers } from './administration/new-users.ts'
import { actAsOperator } from './administration/operator.ts'
import { createOutboxList } from './administration/outbox-list.ts'
import { createPermissionCheck } from './administration/permission-check.ts'
import { createRoleChanges } from './administration/role-changes.ts'
import { createRoleList } from './administration/role-list.ts'
import { createRoles } from './administration/roles.ts'
import { createUserDetails } from './administration/user-details.ts'
import { createUserList } from './administration/user-list.ts'
import { createBetterAuth } from './better-auth/better-auth.ts'
import type { Dependencies } from './dependencies.ts'
import { createEventLog } from './events/event-log.ts'
import { createRefusedOriginRecorder } from './events/refused-origin.ts'
import { createChallenges } from './factors/challenges.ts'
import { createEnrollment } from './factors/enrollment.ts'
import { createFactorProofs } from './factors/factor-proofs.ts'
import { createOwnFactors } from './factors/own-factors.ts'
import { createRecoveryRequest } from './factors/recovery-request.ts'
import { requireFactor } from './factors/required-factor.ts'
import { createStepUp } from './factors/step-up.ts'
import { createAccountImport } from './import/account-import.ts'
import { createMissingRoles } from './import/missing-roles.ts'
import { createAccessTokens } from './keys/access-tokens.ts'
import { createEncryption } from './keys/encryption.ts'
import { createKeyRotation } from './keys/key-rotation.ts'
import { createLostSecrets } from './keys/lost-secrets.ts'
import { reencryptFactors, reencryptSigningKeys, reencryptWebhooks } from './keys/re-encryption.ts'
import type { Secrets } from './keys/sealed-tokens.ts'
import { createSigningKeys } from './keys/signing-keys.ts'
import { createTokenClaims } from './keys/token-claims.ts'
import { createMailComposer } from './mailing/mail-composer.ts'
import { createMailedTokens } from './mailing/mailed-tokens.ts'
import { createOutbox } from './mailing/outbox.ts'
import type { Observer } from './observer.ts'
import { createCeremonies } from './passkeys/ceremonies.ts'
import { listPasskeyOrigins } from './passkeys/origins.ts'
import { createOwnPasskeys } from './passkeys/own-passkeys.ts'
import { createPasskeyProofs } from './passkeys/passkey-proofs.ts'
import { createRelyingParty } from './passkeys/relying-party.ts'
import { createHashClasses } from './passwords/hash-classes.ts'
import { createPasswords } from './passwords/hashing.ts'
import { createPasswordChanges } from './passwords/password-changes.ts'
import { adoptRestoredEvents, createEventPull } from './services/event-pull.ts'
import { createForward } from './services/forward.ts'
import { createIntrospection } from './services/introspection.ts'
import { createRevocationFeed } from './services/revocation-feed.ts'
import { createServiceKeyChanges } from './services/service-key-changes.ts'
import { createServiceKeys } from './services/service-keys.ts'
import { createTokenRevocation } from './services/token-revocation.ts'
import { createUserLookup } from './services/user-lookup.ts'
import { createCredentials } from './sessions/credentials.ts'
import { createEndSessionOf, createLogout } from './sessions/logout.ts'
import { createOwnSessions } from './sessions/own-sessions.ts'
import { createRefresh } from './sessions/refresh.ts'
import { createRefreshTokens } from './sessions/refresh-tokens.ts'
import { createSessionCache } from './sessions/session-cache.ts'
import { createCompleteLogin } from './sign-in/complete-login.ts'
import { createIssueCredentials } from './sign-in/issue-credentials.ts'
import { createLogin } from './sign-in/login.ts'
import { createOpenSession } from './sign-in/open-session.ts'
import { createPasskeyLogin } from './sign-in/passkey-login.ts'
import { createRegister } from './sign-in/register.ts'
import { limitOperations } from './throttle/operation-limit.ts'
import { createPlaces } from './throttle/places.ts'
import { type CounterFactory, createThrottle } from './throttle/throttle.ts'
import { limitWrites } from './throttle/write-limit.ts'
import { createDeliveryList } from './webhooks/delivery-list.ts'
import { createDeliveryReplay } from './webhooks/delivery-replay.ts'
import { createManagedWebhooks } from './webhooks/managed-webhooks.ts'
import { createWebhookSecrets } from './webhooks/webhook-secrets.ts'
import { createWebhookTest } from './webhooks/webhook-test.ts'

export type AuthService = ReturnType<typeof createAuthService>

type Options = {
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

/** The service behind both adapters: one function for each operation of the contract, and what commands need. */
export function createAuthService({
  env,
  db,
  changes,
  canMail,
  languages,
  createCounter,
  observer,
  span,
}: Options) {
  const passwords = createPasswords(env, createHashClasses(db), { observer, span })
  const secrets: Secrets = env.AUTH_SECRET_PREVIOUS
    ? [env.AUTH_SECRET, env.AUTH_SECRET_PREVIOUS]
    : [env.AUTH_SECRET]
  const refreshTokens = createRefreshTokens(secrets)
  const mailedTokens = createMailedTokens(secrets)
  const places = createPlaces({ db, secrets })
  const outbox = createOutbox({ enabled: canMail, languages, places })
  const sessionCache = createSessionCache(changes)
  const roles = createRoles({ db, changes })
  const { find: findServiceKey } = createServiceKeys({ db, changes, entries: env.SERVICE_KEYS })
  const signingKeys = createSigningKeys({ db, settings: env })
  const throttle = createThrottle({
    db,
    createCounter,
    enabled: env.THROTTLE,
    limits: env.THROTTLE_LIMITS,
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
    challenges: createChallenges({ db, places }),
    db,
    encryption,
    factorProofs: createFactorProofs({ db, encryption, outbox, passkeyProofs }),
    mailedTokens,
    observer,
    outbox,
    passkeyProofs,
    passwords,
    places,
    refreshTokens,
    relyingParty,
    roles,
    sessionCache,
    throttle,
    webhookSecrets: createWebhookSecrets(webhookEncryption, env.WEBHOOK_SECRETS),
  }
  const openSession = createOpenSession({ ...parts, settings: env })
  const betterAuth = createBetterAuth({ ...parts, reencryptKeys, openSession, settings: env, signingKeys })
  const tokenClaims = createTokenClaims({ roles, settings: env })
  const accessTokens = createAccessTokens(betterAuth.api, env, tokenClaims)
  const credentials = createCredentials({ db, accessTokens, refreshTokens, sessionCache, tokenClaims })
  const issueCredentials = createIssueCredentials(accessTokens, env)
  const requireEmailVerification = env.REQUIRE_EMAIL_VERIFICATION
  const dependencies: Dependencies = {
    ...parts,
    betterAuth,
    credentials,
    issueCredentials,
    issuer,
    languages,
    requireEmailVerification,
    requireSecondFactor: env.SECOND_FACTOR === 'required',
  }

  const endSessionOf = createEndSessionOf(dependencies)
  const checkPermissions = createPermissionCheck(dependencies)

  const administrationUseCases = {
    roles: createRoleList(dependencies),
    ...createRoleChanges(dependencies),
    users: createUserList(dependencies),
    user: createUserDetails(dependencies),
    ...createManagedUsers(dependencies),
    ...createNewUsers(dependencies),
    auditEvents: createAuditLog(dependencies),
    ...createOutboxList(dependencies),
    ...createServiceKeyChanges(dependencies),
    ...createManagedWebhooks({ ...dependencies, settings: env }),
    testWebhook: createWebhookTest({ ...dependencies, settings: env }),
    webhookDeliveries: createDeliveryList(dependencies),
    replayDeliveries: createDeliveryReplay(dependencies),
  }

  const useCases = {
    register: createRegister(dependencies),
    login: createLogin(dependencies),
    completeLogin: createCompleteLogin(dependencies),
    refresh: createRefresh(dependencies),
    logout: createLogout({ ...dependencies, endSessionOf }),
    ...createEnrollment(dependencies),
    ...createOwnFactors(dependencies),
    ...createOwnPasskeys(dependencies),
    ...createPasskeyLogin(dependencies),
    stepUp: createStepUp(dependencies),
    requestFactorRecovery: createRecoveryRequest(dependencies),
    ...createOwnAccount(dependencies),
    exportMe: createExport(dependencies),
    ...createPasswordChanges(dependencies),
    acceptInvitation: createAcceptInvitation(dependencies),
    ...createEmailLinks(dependencies),
    ...createOwnSessions(dependencies),
    events: createEventLog(dependencies),
    ...checkPermissions(administrationUseCases),
  }

  const guarded = dependencies.requireSecondFactor
    ? requireFactor(useCases, env.SESSION_MAX_SECONDS)
    : useCases
  const {
    useCases: admitted,
    refuseIfBusy,
    waitForTurn,
  } = limitOperations(guarded, {
    isShared: env.THROTTLE,
    countCachedAnswers: () => sessionCache.counts.hits,
  })
  // The writes of a session wait for each other before they are admitted, so one session occupies only one place.
  const limited = env.THROTTLE ? limitWrites(admitted, throttle) : admitted

  return {
    ...limited,
    operator: actAsOperator(administrationUseCases),
    accountsByAddress: createAccountsByAddress(dependencies),
    importAccounts: createAccountImport(dependencies),
    findMissingRoles: createMissingRoles(dependencies),
    keys: createKeyRotation({ api: betterAuth.api, signingKeys }),

    introspect: createIntrospection(dependencies),
    findUsers: createUserLookup(dependencies),
    forward: createForward({ ...dependencies, accessTokens }),
    revokeToken: createTokenRevocation({ ...dependencies, endSessionOf }),
    findServiceKey,
    pullEvents: createEventPull({ db }),
    revocationFeed: createRevocationFeed({ db, changes }),

    refuseIfBusy,
    waitForTurn,
    identify: credentials.identify,
    view: credentials.view,
    recordRefusedOrigin: createRefusedOriginRecorder(dependencies),
    composeMail: createMailComposer({
      ...parts,
      appUrl: env.APP_URL,
      linkLimit: env.THROTTLE ? env.THROTTLE_LIMITS.linkMailPerMailbox : null,
    }),
    openWebhookSecrets: parts.webhookSecrets.open,
    countLostSecrets: createLostSecrets({ db, encryption, webhookEncryption }),
    /** The state of its parts, to be read at any time. */
    vitals: { hashing: passwords.hashing, sessionCache },
    async prepare() {
      await reencryptKeys()
      await reencryptFactors({ db, encryption })
      await reencryptWebhooks({ db, encryption: webhookEncryption })
      await accessTokens.prepare()
      await adoptRestoredEvents({ db })
    },
    publishedKeys: accessTokens.listPublished,
  }
}
