import { eq } from 'drizzle-orm'
import { NO_CLIENT } from '../../contract/caller.ts'
import type { AccountInput } from '../../contract/fields.ts'
import { toManagedUser } from '../../contract/outputs/managed-user.ts'
import { OPERATOR } from '../../contract/permissions.ts'
import type { Db, Executor } from '../../db/client.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { recordAdministration } from '../events/events.ts'
import { startFactorRecovery } from '../factors/factor-recovery.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { deleteAccount, disableAccount, enableAccount, signOutAccount } from './user-changes.ts'
import { keepRoles, setRoles } from './user-roles.ts'

/** A command acts for no user and no service. */
const BY_OPERATOR = { administrator: OPERATOR, client: NO_CLIENT }

/** What commands do to an account, which they name by its address. Each function throws `NOT_FOUND` without one. */
export function createAccountsByAddress({ db, outbox }: { db: Db; outbox: Outbox }) {
  const hasEmail = ({ email }: AccountInput) => eq(users.email, email)

  /**
   * Locks an account and changes it. A concurrent login either waits, or its session is already visible here.
   * @returns the account after the change, and what `work` returned
   */
  async function changeAccount<T>(account: AccountInput, work: (tx: Executor, user: UserRow) => Promise<T>) {
    return db.transaction(async (tx) => {
      await keepRoles(tx)
      const [user] = await tx.select().from(users).where(hasEmail(account)).for('update')
      if (!user) throw new AuthError('NOT_FOUND')
      const result = await work(tx, user)
      const [changed] = await tx.select().from(users).where(eq(users.id, user.id))
      return { user: toManagedUser(changed ?? user), result }
    })
  }

  return {
    async findId(account: AccountInput) {
      const [user] = await db.select({ id: users.id }).from(users).where(hasEmail(account))
      if (!user) throw new AuthError('NOT_FOUND')
      return user.id
    },

    /** The result: how many sessions ended; null if the account was disabled before. */
    disableUser: (account: AccountInput) =>
      changeAccount(account, (tx, user) => disableAccount(tx, user, BY_OPERATOR)),

    /** The result: whether the account was disabled. */
    enableUser: (account: AccountInput) =>
      changeAccount(account, (tx, user) => enableAccount(tx, user, BY_OPERATOR)),

    /** The result: how many sessions ended. */
    signOutUser: (account: AccountInput) =>
      changeAccount(account, (tx, user) => signOutAccount(tx, user, BY_OPERATOR)),

    deleteUser: (account: AccountInput) =>
      changeAccount(account, (tx, user) => deleteAccount(tx, user, BY_OPERATOR)),

    /** The result: whether the user did not have the role. @throws `INVALID_INPUT` if there is no such role */
    grantRole: (account: AccountInput, role: string) =>
      changeAccount(account, async (tx, user) => {
        if (user.roles.includes(role)) return false
        await setRoles(tx, user, [...user.roles, role], BY_OPERATOR)
        return true
      }),

    /** The result: whether the user had the role. @throws `FORBIDDEN` for the last administrator */
    revokeRole: (account: AccountInput, role: string) =>
      changeAccount(account, async (tx, user) => {
        if (!user.roles.includes(role)) return false
        const others = user.roles.filter((name) => name !== role)
        await setRoles(tx, user, others, BY_OPERATOR)
        return true
      }),

    /** Starts to replace lost factors, for a user who asks for help. The result: when the wait ends; null without a factor. */
    recoverFactor: (account: AccountInput) =>
      changeAccount(account, (tx, user) =>
        startFactorRecovery(tx, outbox, user, (kind) =>
          recordAdministration(tx, kind, { userId: user.id }, BY_OPERATOR),
        ),
      ),
  }
}
