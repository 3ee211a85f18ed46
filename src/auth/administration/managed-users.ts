import { eq } from 'drizzle-orm'
import type { Act } from '../../contract/administrator.ts'
import { requireRowId } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import { users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { refuseTakenAddress } from '../account/taken-addresses.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordAdministration } from '../events/administration-events.ts'
import { createLoginWaits } from '../throttle/login-waits.ts'
import { type AccountWork, createAccountChange } from './account-change.ts'
import { startEmailChange } from './address-change.ts'
import { mailInvitation, mayBeInvited } from './invitations.ts'
import { setRoles } from './roles/user-roles.ts'
import {
  deleteAccount,
  disableAccount,
  enableAccount,
  endOneSession,
  recoverFactor,
  setClaims,
  signOutAccount,
  suspendAccount,
} from './user-changes.ts'

type Parts = Pick<Dependencies, 'db' | 'mailedTokens' | 'outbox' | 'roles' | 'sessionCache'>

/** What administrators do to the accounts of users. */
export function createManagedUsers(parts: Parts) {
  const { db, outbox } = parts
  const loginWaits = createLoginWaits({ db })
  const changeAccount = createAccountChange(parts)

  async function change<T>(id: string, act: Act, work: AccountWork<T>) {
    requireRowId(id)
    return changeAccount(eq(users.id, id), act, work)
  }

  const changeAndShow =
    (work: AccountWork<unknown>) =>
    async ({ id }: { id: string }, act: Act) =>
      (await change(id, act, work)).user

  return {
    async setUserRoles({ id, roles }: InputOf<'setUserRoles'>, act: Act) {
      const { user } = await change(id, act, (tx, before) => setRoles(tx, before, roles, act))
      return { id: user.id, roles: user.roles }
    },
    async setUserClaims({ id, claims }: InputOf<'setUserClaims'>, act: Act) {
      const { user } = await change(id, act, (tx, before) => setClaims(tx, before, claims, act))
      return { id: user.id, claims: user.claims }
    },
    disableUser: changeAndShow(disableAccount),
    suspendUser: ({ until, ...user }: InputOf<'suspendUser'>, act: Act) =>
      changeAndShow(suspendAccount(until))(user, act),
    enableUser: changeAndShow(enableAccount),
    async endUserSessions({ id }: InputOf<'endUserSessions'>, act: Act) {
      return (await change(id, act, signOutAccount)).result
    },
    async endUserSession({ id, sessionId }: InputOf<'endUserSession'>, act: Act) {
      requireRowId(sessionId)
      return (await change(id, act, endOneSession(sessionId))).result
    },
    async startEmailChange({ id, email }: InputOf<'startEmailChange'>, act: Act) {
      outbox.requireEnabled()
      await change(id, act, startEmailChange(parts, email)).catch(refuseTakenAddress)
      return true
    },
    async startPasswordReset({ id }: InputOf<'startPasswordReset'>, act: Act) {
      outbox.requireEnabled()
      await change(id, act, async (tx, user) => {
        await outbox.add(tx, { kind: 'password-reset', recipient: user.email, userId: user.id })
        await recordAdministration(tx, 'password_reset_requested', { userId: user.id }, act)
      })
      return true
    },
    async startFactorRecovery({ id }: InputOf<'startFactorRecovery'>, act: Act) {
      const { result: endsAt } = await change(id, act, recoverFactor(outbox))
      if (!endsAt) throw new AuthError('NOT_FOUND')
      return { endsAt }
    },
    async resendVerification({ id }: InputOf<'resendVerification'>, act: Act) {
      outbox.requireEnabled()
      await change(id, act, async (tx, user) => {
        if (user.emailVerified) return
        if (mayBeInvited(user)) await mailInvitation(tx, outbox, user)
        else await outbox.add(tx, { kind: 'email-verification', recipient: user.email, userId: user.id })
        await recordAdministration(tx, 'verification_resent', { userId: user.id }, act)
      })
      return true
    },
    async loginWaits({ id }: InputOf<'loginWaits'>) {
      requireRowId(id)
      const [user] = await db.select({ id: users.id, email: users.email }).from(users).where(eq(users.id, id))
      if (!user) throw new AuthError('NOT_FOUND')
      return loginWaits.list(user)
    },
    async clearLoginWaits({ id }: InputOf<'clearLoginWaits'>, act: Act) {
      const { result } = await change(id, act, async (tx, user) => {
        const ended = await loginWaits.clear(tx, user)
        await recordAdministration(tx, 'waits_cleared', { userId: user.id }, act)
        return ended
      })
      return result
    },
    async deleteUser({ id }: InputOf<'deleteUser'>, act: Act) {
      return (await change(id, act, deleteAccount)).result
    },
  }
}
