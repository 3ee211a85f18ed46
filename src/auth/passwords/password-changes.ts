import { and, eq, getTableColumns } from 'drizzle-orm'
import { type Caller, identityOf } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { refusePersonal } from '../../contract/password.ts'
import { users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { isChangeByAdministrator } from '../account/change-by-administrator.ts'
import { changeEmail } from '../account/email-change.ts'
import { createReauthentication } from '../account/reauthentication.ts'
import { voidSetUp } from '../account/set-up.ts'
import { concealTakenAddress } from '../account/taken-addresses.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent, recordEventByEmail } from '../events/events.ts'
import { secondsSinceClaims } from '../keys/token-claims.ts'
import { endMailedTokens } from '../mailing/end-tokens.ts'
import type { TokenPurpose } from '../mailing/mailed-tokens.ts'
import { endSessions } from '../sessions/end-session.ts'
import { renewSession } from '../sessions/renew-session.ts'

/** Sets a new password: with the old one, or with a mailed token if the user has lost it. */
export function createPasswordChanges(dependencies: Dependencies) {
  const {
    db,
    issueCredentials,
    languages,
    mailedTokens,
    outbox,
    passwords,
    places,
    redeemToken,
    refreshTokens,
    sessionCache,
    throttle,
  } = dependencies
  const reauthentication = createReauthentication(dependencies)

  return {
    /** The current session gets a new secret. All other sessions and all mailed tokens end. */
    async changePassword({ currentPassword, newPassword }: InputOf<'changePassword'>, caller: Caller) {
      passwords.refuseWeak(newPassword, 'newPassword')
      const identity = await identityOf(caller)
      const { user, session } = identity
      refusePersonal(newPassword, user.email)
      const hash = await passwords.admit(caller.client, async () => {
        await reauthentication.checkPassword(identity, currentPassword, caller)
        return passwords.hash(newPassword)
      })
      const changed = await db.transaction(async (tx) => {
        // Before the password: it locks the user more strongly, and a lock that grows could deadlock.
        await endSessions(tx, user.id, session.id)
        // Fails if another request changed the password in the meantime.
        const isCurrent = and(eq(users.id, user.id), eq(users.password, user.password))
        const [row] = await tx
          .update(users)
          .set({ password: hash })
          .where(isCurrent)
          .returning({ ...getTableColumns(users), secondsSinceClaims })
        if (!row) throw new AuthError('INVALID_CREDENTIALS')
        const renewed = await renewSession(tx, session.id, refreshTokens)
        await endMailedTokens(tx, row)
        await recordEvent(tx, 'password_changed', user.id, caller.client)
        await outbox.add(tx, { kind: 'password-changed', recipient: row.email, userId: user.id })
        return { user: row, ...renewed }
      })
      sessionCache.evict(user.id)
      return issueCredentials(changed, caller)
    },

    /** Does not look the account up: the worker does so later, so that neither answer nor time reveals it. */
    async requestPasswordReset({ email }: InputOf<'requestPasswordReset'>, caller: Caller) {
      outbox.requireEnabled()
      await throttle.countMailRequest(email, caller.client)
      const mayRecord = await throttle.mayRecord('password_reset_requested', caller.client)
      await db.transaction(async (tx) => {
        await outbox.add(tx, { kind: 'password-reset', recipient: email, client: caller.client })
        if (mayRecord) await recordEventByEmail(tx, 'password_reset_requested', email, caller.client)
      })
      return true
    },

    /**
     * Ends all sessions and mailed tokens, and opens no session. If the mailbox of the account is proven for the first
     * time, everything that was set up before is void. The link of a change of address that an administrator has started
     * changes it. A token stays valid if the password is refused.
     */
    async resetPassword({ token, newPassword }: InputOf<'resetPassword'>, caller: Caller) {
      passwords.refuseWeak(newPassword, 'newPassword')
      await throttle.countMailedToken(caller.client)
      const { value: email } = await mailedTokens.peek(db, token, ...RESET_PURPOSES)
      refusePersonal(newPassword, email)
      const hash = await passwords.admit(caller.client, () => passwords.hash(newPassword))
      await redeemToken(token, RESET_PURPOSES, async (tx, user, { purpose }) => {
        const { client } = caller
        const isChange = purpose === 'EMAIL_VERIFICATION' && (await isChangeByAdministrator(tx, user, email))
        // The token of another change of address is none for a first verification.
        const isOther = user.email !== email || (purpose === 'EMAIL_VERIFICATION' && user.emailVerified)
        // A mailbox that an administrator names voids no factor.
        const needsFactor = isChange && !user.emailVerified && user.secondFactorAt !== null
        if ((isOther && !isChange) || needsFactor) throw new AuthError('INVALID_TOKEN')
        if (user.emailVerified) {
          await endSessions(tx, user.id)
          await endMailedTokens(tx, user)
        } else await voidSetUp(tx, user)
        if (isChange)
          await changeEmail(tx, dependencies, {
            user,
            newEmail: email,
            keptSession: undefined,
            client,
            verified: true,
          })
        await tx
          .update(users)
          .set({
            password: hash,
            passwordLockedAt: null,
            emailVerified: true,
            ...(!user.emailVerified && { locale: languages.choose(caller.client.languages) }),
          })
          .where(eq(users.id, user.id))
        // The owner signs in from here next, and strangers' failures must not make that wait.
        await places.add(tx, user.id, caller.client)
        await recordEvent(tx, 'password_reset', user.id, caller.client)
        await outbox.add(tx, { kind: 'password-was-reset', recipient: email, userId: user.id })
      }).catch(concealTakenAddress)
      return true
    },
  }
}

/** The token of a first verification proves the mailbox as well as that of a reset. */
const RESET_PURPOSES: TokenPurpose[] = ['PASSWORD_RESET', 'EMAIL_VERIFICATION']
