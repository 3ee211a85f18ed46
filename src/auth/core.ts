import { createEmailVerification } from './account/email-verification.ts'
import { createExport } from './account/export.ts'
import { createAcceptInvitation } from './account/invitation.ts'
import { createNoticeLinks } from './account/notice-links.ts'
import { createOwnAccount } from './account/own-account.ts'
import { createAccountsByAddress } from './administration/accounts-by-address.ts'
import { createAuditLog } from './administration/event-list.ts'
import { createManagedUsers } from './administration/managed-users.ts'
import { createNewUsers } from './administration/new-users.ts'
import { actAsOperator } from './administration/operator.ts'
import { createOutboxList } from './administration/outbox-list.ts'
import { createPermissionCheck } from './administration/roles/permission-check.ts'
import { createRoleChanges } from './administration/roles/role-changes.ts'
import { createRoleList } from './administration/roles/role-list.ts'
import { createUserDetails } from './administration/user-details.ts'
import { createUserList } from './administration/user-list.ts'
import { type CoreOptions, createDependencies } from './dependencies.ts'
import { createEventLog } from './events/event-log.ts'
import { createRefusedOriginRecorder } from './events/refused-origin.ts'
import { createEnrollment } from './factors/enrollment.ts'
import { createOwnFactors } from './factors/own-factors.ts'
import { createRecoveryRequest } from './factors/recovery-request.ts'
import { createStepUp } from './factors/step-up.ts'
import { createAccountImport } from './import/account-import.ts'
import { createMissingRoles } from './import/missing-roles.ts'
import { createKeyRotation } from './keys/key-rotation.ts'
import { limitOperations } from './load/operation-limit.ts'
import { createReadLimit } from './load/read-limit.ts'
import { createMailComposer } from './mailing/mail-composer.ts'
import { createOwnPasskeys } from './passkeys/own-passkeys.ts'
import { createPasswordChange } from './passwords/password-change.ts'
import { createPasswordReset } from './passwords/password-reset.ts'
import { adoptRestoredEvents, createEventPull } from './services/event-pull.ts'
import { createForward } from './services/forward.ts'
import { createIntrospection } from './services/introspection.ts'
import { createRevocationFeed } from './services/revocation-feed.ts'
import { createServiceKeyChanges } from './services/service-key-changes.ts'
import { createTokenRevocation } from './services/token-revocation.ts'
import { createUserLookup } from './services/user-lookup.ts'
import { createEndSessionOf, createLogout } from './sessions/logout.ts'
import { createOwnSessions } from './sessions/own-sessions.ts'
import { createRefresh } from './sessions/refresh.ts'
import { createCompleteLogin } from './sign-in/complete-login.ts'
import { createLogin } from './sign-in/login.ts'
import { createPasskeyLogin } from './sign-in/passkey-login.ts'
import { createRegister } from './sign-in/register.ts'
import { limitWrites } from './throttle/write-limit.ts'
import { createDeliveryList } from './webhooks/delivery-list.ts'
import { createDeliveryReplay } from './webhooks/delivery-replay.ts'
import { createManagedWebhooks } from './webhooks/managed-webhooks.ts'
import { createWebhookTest } from './webhooks/webhook-test.ts'

export type AuthCore = ReturnType<typeof createAuthCore>

/** The core behind both adapters: one function for each operation of the contract, and what commands need. */
export function createAuthCore(options: CoreOptions) {
  const { env, changes } = options
  const dependencies = createDependencies(options)
  const { accessTokens, db, passwords, requiredFactor, sessionCache, throttle } = dependencies
  const endSessionOf = createEndSessionOf(dependencies)
  const checkPermissions = createPermissionCheck(dependencies)

  const limitRead = createReadLimit({ connections: env.DATABASE_POOL_SIZE })
  const outbox = createOutboxList(dependencies)

  const administrationUseCases = {
    roles: createRoleList(dependencies),
    ...createRoleChanges(dependencies),
    users: limitRead(createUserList(dependencies)),
    user: createUserDetails(dependencies),
    ...createManagedUsers(dependencies),
    ...createNewUsers(dependencies),
    auditEvents: limitRead(createAuditLog(dependencies)),
    ...outbox,
    mails: limitRead(outbox.mails),
    ...createServiceKeyChanges(dependencies),
    ...createManagedWebhooks({ ...dependencies, settings: env }),
    testWebhook: createWebhookTest({ ...dependencies, settings: env }),
    webhookDeliveries: limitRead(createDeliveryList(dependencies)),
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
    ...createPasswordChange(dependencies),
    ...createPasswordReset(dependencies),
    acceptInvitation: createAcceptInvitation(dependencies),
    ...createEmailVerification(dependencies),
    ...createNoticeLinks(dependencies),
    ...createOwnSessions(dependencies),
    events: createEventLog(dependencies),
    ...checkPermissions(administrationUseCases),
  }

  const {
    useCases: admitted,
    refuseIfBusy,
    waitForTurn,
  } = limitOperations(requiredFactor.guardUseCases(useCases), {
    isShared: env.THROTTLE,
    countCachedAnswers: () => sessionCache.counts.hits,
  })
  // The writes of a session wait for each other before they are admitted, so one session occupies only one slot.
  const limited = env.THROTTLE ? limitWrites(admitted, throttle) : admitted

  return {
    ...limited,
    operator: actAsOperator(administrationUseCases),
    accountsByAddress: createAccountsByAddress(dependencies),
    ...createAccountImport(dependencies),
    findMissingRoles: createMissingRoles(dependencies),
    keys: createKeyRotation(dependencies),

    introspect: createIntrospection(dependencies),
    findUsers: createUserLookup(dependencies),
    forward: createForward(dependencies),
    revokeToken: createTokenRevocation({ ...dependencies, endSessionOf }),
    findServiceKey: dependencies.findServiceKey,
    pullEvents: createEventPull({ db }),
    revocationFeed: createRevocationFeed({ db, changes }),

    refuseIfBusy,
    waitForTurn,
    identify: dependencies.credentials.identify,
    view: dependencies.credentials.view,
    recordRefusedOrigin: createRefusedOriginRecorder(dependencies),
    composeMail: createMailComposer({
      ...dependencies,
      appUrl: env.APP_URL,
      linkLimit: env.THROTTLE ? env.THROTTLE_LIMITS.linkMailPerMailbox : null,
    }),
    openWebhookSecrets: dependencies.webhookSecrets.open,
    countLostSecrets: dependencies.countLostSecrets,
    /** The state of its parts, to be read at any time. */
    vitals: { hashing: passwords.hashing, sessionCache },
    async prepare() {
      await dependencies.prepare()
      await adoptRestoredEvents({ db })
    },
    publishedKeys: accessTokens.listPublished,
  }
}
