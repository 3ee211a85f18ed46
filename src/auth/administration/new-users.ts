import { eq, sql } from 'drizzle-orm'
import type { Act } from '../../contract/administrator.ts'
import type { Client } from '../../contract/caller.ts'
import { toProfileColumns } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import { toManagedUser } from '../../contract/outputs/managed-user.ts'
import type { Executor } from '../../db/client.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { findReservation, refuseTakenAddress } from '../account/taken-addresses.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordAdministration } from '../events/administration-events.ts'
import { assertMayChange, lockAccount } from './account-change.ts'
import { mailInvitation, mayBeInvited } from './invitations.ts'
import { requireAll, setRoles } from './roles/user-roles.ts'

type NewUser = InputOf<'createUser'> | InputOf<'inviteUser'>

/** Creates accounts without a password: only a mailed link sets one, so that no administrator knows it. */
export function createNewUsers({ db, outbox, passwords, roles, sessionCache }: Dependencies) {
  const hashUnknown = (client: Client) => passwords.admit(client, passwords.hashUnknown)

  async function add(
    tx: Executor,
    { email, roles, ...profile }: NewUser,
    password: string,
    act: Act,
    kind: 'user_created' | 'user_invited',
  ) {
    await act.administrator.assertCurrent(tx)
    const [user] = await tx
      .insert(users)
      .values({ email, password, passwordLockedAt: sql`now()`, ...toProfileColumns(profile) })
      .returning()
    if (!user || (await findReservation(tx, email))) throw new AuthError('EMAIL_TAKEN')
    await recordAdministration(tx, kind, { userId: user.id }, act)
    const changed = await giveRoles(tx, user, roles, act)
    await mailInvitation(tx, outbox, user)
    return changed
  }

  async function giveRoles(tx: Executor, user: UserRow, roles: string[], act: Act) {
    if (roles.length === 0 && user.roles.length === 0) return user
    requireAll(act.administrator, ['roles:write'])
    return setRoles(tx, user, [...new Set(roles)], act)
  }

  return {
    async createUser(input: InputOf<'createUser'>, act: Act) {
      outbox.requireEnabled()
      const password = await hashUnknown(act.client)
      const user = await db
        .transaction((tx) => add(tx, input, password, act, 'user_created'))
        .catch(refuseTakenAddress)
      return toManagedUser(user)
    },

    async inviteUser(input: InputOf<'inviteUser'>, act: Act) {
      outbox.requireEnabled()
      const password = await hashUnknown(act.client)
      const user = await db
        .transaction(async (tx) => {
          const present = await lockAccount(tx, eq(users.email, input.email))
          if (!present) return add(tx, input, password, act, 'user_invited')
          if (!mayBeInvited(present)) throw new AuthError('EMAIL_TAKEN')
          await assertMayChange(tx, act, present, roles)
          await recordAdministration(tx, 'user_invited', { userId: present.id }, act)
          const changed = await giveRoles(tx, present, input.roles, act)
          await mailInvitation(tx, outbox, present)
          return changed
        })
        .catch(refuseTakenAddress)
      sessionCache.evict(user.id)
      return toManagedUser(user)
    },
  }
}
