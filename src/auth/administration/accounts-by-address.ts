import { eq } from 'drizzle-orm'
import { BY_OPERATOR } from '../../contract/administrator.ts'
import type { AccountInput } from '../../contract/fields.ts'
import { users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { refuseTakenAddress } from '../account/taken-addresses.ts'
import type { Dependencies } from '../dependencies.ts'
import { type AccountWork, createAccountChange } from './account-change.ts'
import { startEmailChange } from './address-change.ts'
import { setRoles } from './roles/user-roles.ts'
import {
  deleteAccount,
  disableAccount,
  enableAccount,
  recoverFactor,
  removeFactors,
  signOutAccount,
  suspendAccount,
} from './user-changes.ts'

type Parts = Pick<Dependencies, 'db' | 'mailedTokens' | 'outbox' | 'roles' | 'sessionCache'>

/** What commands do to an account, which they name by its address. Each function throws `NOT_FOUND` without one. */
export function createAccountsByAddress(parts: Parts) {
  const { db, outbox } = parts
  const hasEmail = ({ email }: AccountInput) => eq(users.email, email)
  const changeAccount = createAccountChange(parts)
  const change = <T>(account: AccountInput, work: AccountWork<T>) =>
    changeAccount(hasEmail(account), BY_OPERATOR, work)

  return {
    async findId(account: AccountInput) {
      const [user] = await db.select({ id: users.id }).from(users).where(hasEmail(account))
      if (!user) throw new AuthError('NOT_FOUND')
      return user.id
    },

    /** The result: how many sessions ended; null if the account was disabled before. */
    disableUser: (account: AccountInput) => change(account, disableAccount),

    /** The result: how many sessions ended. @throws `INVALID_INPUT` if the time is not in the future */
    suspendUser: (account: AccountInput, until: string) => change(account, suspendAccount(until)),

    /** The result: whether the account was disabled. */
    enableUser: (account: AccountInput) => change(account, enableAccount),

    /** The result: how many sessions ended. */
    signOutUser: (account: AccountInput) => change(account, signOutAccount),

    /** @throws `EMAIL_TAKEN`, or `SERVICE_UNAVAILABLE` without a mail server */
    async startEmailChange(account: AccountInput, email: string) {
      outbox.requireEnabled()
      return change(account, startEmailChange(parts, email)).catch(refuseTakenAddress)
    },

    deleteUser: (account: AccountInput) => change(account, deleteAccount),

    /** The result: whether the user did not have the role. @throws `INVALID_INPUT` if there is no such role */
    grantRole: (account: AccountInput, role: string) =>
      change(account, async (tx, user, act) => {
        if (user.roles.includes(role)) return false
        await setRoles(tx, user, [...user.roles, role], act)
        return true
      }),

    /** The result: whether the user had the role. @throws `FORBIDDEN` for the last administrator */
    revokeRole: (account: AccountInput, role: string) =>
      change(account, async (tx, user, act) => {
        if (!user.roles.includes(role)) return false
        const others = user.roles.filter((name) => name !== role)
        await setRoles(tx, user, others, act)
        return true
      }),

    /** Starts to replace lost factors, for a user who asks for help. The result: when the wait ends; null without a factor. */
    recoverFactor: (account: AccountInput) => change(account, recoverFactor(outbox)),

    /** The result: whether the account had a factor. @throws `INVALID_INPUT` if the account is not disabled */
    removeFactors: (account: AccountInput) => change(account, removeFactors),
  }
}
