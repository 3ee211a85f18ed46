import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { AuthError } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { endLaterUndoLinks, endPendingChange } from '../mailing/end-tokens.ts'
import type { TokenPurpose } from '../mailing/mailed-tokens.ts'
import { createPasswordByLink } from '../passwords/password-by-link.ts'
import { recoverAccount } from './recovery.ts'
import { concealTakenAddress } from './taken-addresses.ts'

/** The links of notices: by them, the owner of a mailbox stops or undoes what a taker did to the account. */
export function createNoticeLinks(dependencies: Dependencies) {
  const { db, mailedTokens, outbox, redeemToken, throttle } = dependencies
  const hashByLink = createPasswordByLink(dependencies)

  return {
    /** Ends a pending change of address. */
    async cancelEmailChange({ token }: InputOf<'cancelEmailChange'>, caller: Caller) {
      await throttle.countMailedToken(token, caller.client)
      await redeemToken(token, ['EMAIL_CHANGE_CANCEL'], async (tx, user) => {
        await endPendingChange(tx, user)
        await recordEvent(tx, 'email_change_cancelled', user.id, caller.client)
      })
      return true
    },

    /** Restores the earlier address and takes the account out of an attacker's hands. */
    async undoEmailChange({ token, newPassword }: InputOf<'undoEmailChange'>, caller: Caller) {
      const { email, passwordHash } = await prepareRecovery(token, 'EMAIL_CHANGE_UNDO', newPassword, caller)
      const deviceToken = await redeemToken(
        token,
        ['EMAIL_CHANGE_UNDO'],
        async (tx, user, { createdAt: since }) => {
          const { client } = caller
          const recovery = { user, email, passwordHash, since, client }
          const ownDevice = await recoverAccount(tx, dependencies, recovery)
          await endLaterUndoLinks(tx, user.id, since)
          await recordEvent(tx, 'email_change_undone', user.id, client)
          await outbox.add(tx, { kind: 'email-change-undone', recipient: email, userId: user.id })
          return ownDevice
        },
      ).catch(concealTakenAddress)
      caller.keepDevice(deviceToken)
      return true
    },

    /** Takes the account out of the hands of the attacker who signed in. */
    async reportSignIn({ token, newPassword }: InputOf<'reportSignIn'>, caller: Caller) {
      const { email, passwordHash } = await prepareRecovery(token, 'SIGN_IN_REPORT', newPassword, caller)
      const deviceToken = await redeemToken(
        token,
        ['SIGN_IN_REPORT'],
        async (tx, user, { createdAt: since }) => {
          // After a change of address the undo link of the old mailbox is the way back, not this one.
          if (user.email !== email) throw new AuthError('INVALID_TOKEN')
          const { client } = caller
          await recordEvent(tx, 'sign_in_reported', user.id, client)
          return recoverAccount(tx, dependencies, { user, email, passwordHash, since, client })
        },
      )
      caller.keepDevice(deviceToken)
      return true
    },
  }

  /** @returns the address of the link, and the hash of a new password */
  async function prepareRecovery(
    token: string,
    purpose: TokenPurpose,
    newPassword: string | null | undefined,
    { client }: Caller,
  ) {
    if (newPassword)
      return hashByLink({ token, purposes: [purpose], password: newPassword, path: 'newPassword' }, client)
    await throttle.countMailedToken(token, client)
    const { value: email } = await mailedTokens.peek(db, token, purpose)
    return { email, passwordHash: undefined }
  }
}
