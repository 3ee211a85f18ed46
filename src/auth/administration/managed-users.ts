import { eq } from 'drizzle-orm'
import type { Caller } from '../../contract/caller.ts'
import { requireRowId } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import { toManagedUser } from '../../contract/outputs/managed-user.ts'
import { type Administrator, isOfThisServer } from '../../contract/permissions.ts'
import type { Executor } from '../../db/client.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordAdministration } from '../events/events.ts'
import { startFactorRecovery } from '../factors/factor-recovery.ts'
import { createLoginWaits } from '../throttle/login-waits.ts'
import { isInvited, mailInvitation } from './new-users.ts'
import { permissionsOf } from './roles.ts'
import { deleteAccount, disableAccount, enableAccount, setClaims, signOutAccount } from './user-changes.ts'
import { type Act, keepRoles, requireAll, setRoles } from './user-roles.ts'

type Parts = Pick<Dependencies, 'db' | 'outbox' | 'roles' | 'sessionCache'>
type Work<T> = (tx: Executor, user: UserRow, act: Act) => Promise<T>

/** What administrators do to the accounts of users. */
export function createManagedUsers({ db, outbox, roles, sessionCache }: Parts) {
  const loginWaits = createLoginWaits({ db })

  /**
   * Locks an account and changes it. An administrator changes no account that may administer more than it does itself.
   * @throws `NOT_FOUND`, `FORBIDDEN`
   */
  async function change<T>(id: string, { client }: Caller, administrator: Administrator, work: Work<T>) {
    requireRowId(id)
    const changed = await db.transaction(async (tx) => {
      await keepRoles(tx)
      const [user] = await tx.select().from(users).where(eq(users.id, id)).for('update')
      if (!user) throw new AuthError('NOT_FOUND')
      await administrator.assertCurrent(tx)
      requireAll(administrator, permissionsOf(user.roles, await roles.listWithin(tx)).filter(isOfThisServer))
      const result = await work(tx, user, { administrator, client })
      const [row] = await tx.select().from(users).where(eq(users.id, id))
      return { result, user: row ?? user }
    })
    sessionCache.evict(id)
    return changed
  }

  const changeAndShow =
    (work: Work<unknown>) =>
    async ({ id }: { id: string }, caller: Caller, administrator: Administrator) =>
      toManagedUser((await change(id, caller, administrator, work)).user)

  return {
    async setUserRoles(input: InputOf<'setUserRoles'>, caller: Caller, administrator: Administrator) {
      const { user } = await change(input.id, caller, administrator, (tx, before, act) =>
        setRoles(tx, before, input.roles, act),
      )
      return { id: user.id, roles: user.roles }
    },
    async setUserClaims(input: InputOf<'setUserClaims'>, caller: Caller, administrator: Administrator) {
      const { user } = await change(input.id, caller, administrator, (tx, before, act) =>
        setClaims(tx, before, input.claims, act),
      )
      return { id: user.id, claims: user.claims }
    },
    disableUser: changeAndShow(disableAccount),
    enableUser: changeAndShow(enableAccount),
    async endUserSessions({ id }: InputOf<'endUserSessions'>, caller: Caller, administrator: Administrator) {
      return (await change(id, caller, administrator, signOutAccount)).result
    },
    async startPasswordReset(
      { id }: InputOf<'startPasswordReset'>,
      caller: Caller,
      administrator: Administrator,
    ) {
      outbox.requireEnabled()
      await change(id, caller, administrator, async (tx, user, act) => {
        await outbox.add(tx, { kind: 'password-reset', recipient: user.email, userId: user.id })
        await recordAdministration(tx, 'password_reset_requested', { userId: user.id }, act)
      })
      return true
    },
    async startFactorRecovery(
      { id }: InputOf<'startFactorRecovery'>,
      caller: Caller,
      administrator: Administrator,
    ) {
      const { result: endsAt } = await change(id, caller, administrator, (tx, user, act) =>
        startFactorRecovery(tx, outbox, user, (kind) =>
          recordAdministration(tx, kind, { userId: user.id }, act),
        ),
      )
      if (!endsAt) throw new AuthError('NOT_FOUND')
      return { endsAt }
    },
    async resendVerification(
      { id }: InputOf<'resendVerification'>,
      caller: Caller,
      administrator: Administrator,
    ) {
      outbox.requireEnabled()
      await change(id, caller, administrator, async (tx, user, act) => {
        if (user.emailVerified) return
        if (isInvited(user)) await mailInvitation(tx, outbox, user)
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
    async clearLoginWaits({ id }: InputOf<'clearLoginWaits'>, caller: Caller, administrator: Administrator) {
      const { result } = await change(id, caller, administrator, async (tx, user, act) => {
        await recordAdministration(tx, 'waits_cleared', { userId: user.id }, act)
        return loginWaits.clear(tx, user)
      })
      return result
    },
    async deleteUser({ id }: InputOf<'deleteUser'>, caller: Caller, administrator: Administrator) {
      return (await change(id, caller, administrator, deleteAccount)).result
    },
  }
}
