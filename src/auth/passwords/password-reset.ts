import { eq } from 'drizzle-orm'
import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { Executor } from '../../db/client.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { isChangeByAdministrator } from '../account/change-by-administrator.ts'
import { changeEmail } from '../account/email-change.ts'
import { endRegistrationsFromHere } from '../account/end-registrations.ts'
import { concealTakenAddress } from '../account/taken-addresses.ts'
import { voidSetUp } from '../account/void-set-up.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent, recordEventByEmail } from '../events/events.ts'
import { endMailedTokens } from '../mailing/end-tokens.ts'
import type { TokenPurpose } from '../mailing/mailed-tokens.ts'
import { endSessions } from '../sessions/end-session.ts'
import { createPasswordByLink } from './password-by-link.ts'

/** The token of a first verification proves the mailbox as well as that of a reset. */
const RESET_PURPOSES: TokenPurpose[] = ['PASSWORD_RESET', 'EMAIL_VERIFICATION']

/** Sets a new password with a mailed token, for a user who has lost the old one. */
export function createPasswordReset(dependencies: Dependencies) {
  const { db, languages, outbox, places, redeemToken, throttle } = dependencies
  const hashByLink = createPasswordByLink(dependencies)

  return {
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
      const { client } = caller
      const sent = { token, purposes: RESET_PURPOSES, password: newPassword, path: 'newPassword' }
      const { email, passwordHash } = await hashByLink(sent, client)
      const deviceToken = await redeemToken(token, RESET_PURPOSES, async (tx, user, { purpose }) => {
        const isChange = await isAddressChange(tx, user, { email, purpose })
        if (user.emailVerified) {
          await endSessions(tx, user.id)
          await endMailedTokens(tx, user)
        } else {
          await endRegistrationsFromHere(tx, places, user, client)
          await voidSetUp(tx, user)
        }
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
            password: passwordHash,
            passwordLockedAt: null,
            emailVerified: true,
            ...(!user.emailVerified && { locale: languages.choose(client.languages) }),
          })
          .where(eq(users.id, user.id))
        // The owner signs in from here next, and strangers' failures must not make that wait.
        const deviceToken = await places.add(tx, user.id, client)
        await recordEvent(tx, 'password_reset', user.id, client)
        await outbox.add(tx, { kind: 'password-was-reset', recipient: email, userId: user.id })
        return deviceToken
      }).catch(concealTakenAddress)
      caller.keepDevice(deviceToken)
      return true
    },
  }
}

/**
 * Whether the token changes the address, as an administrator has started it.
 * @throws `INVALID_TOKEN` if it sets no password
 */
async function isAddressChange(
  tx: Executor,
  user: UserRow,
  { email, purpose }: { email: string; purpose: TokenPurpose },
) {
  const isVerification = purpose === 'EMAIL_VERIFICATION'
  const isChange = isVerification && (await isChangeByAdministrator(tx, user, email))
  // The token of another change of address is none for a first verification.
  const isOther = user.email !== email || (isVerification && user.emailVerified)
  // A mailbox that an administrator names voids no factor.
  const needsFactor = isChange && !user.emailVerified && user.secondFactorAt !== null
  if ((isOther && !isChange) || needsFactor) throw new AuthError('INVALID_TOKEN')
  return isChange
}
