import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Act } from '../../contract/administrator.ts'
import type { Client } from '../../contract/caller.ts'
import { toProfileColumns } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import { toManagedUser } from '../../contract/outputs/administration/managed-user.ts'
import type { Executor } from '../../db/client.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { places } from '../../db/schema/throttle.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { findReservation, refuseTakenAddress } from '../account/taken-addresses.ts'
import { deleteClaim, isUnprovenClaim } from '../account/unproven-claim.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordAdministration } from '../events/administration-events.ts'
import { assertMayChange, lockAccount } from './account-change.ts'
import { mailInvitation, mayBeInvited } from './invitations.ts'
import { requireAll, setRoles } from './roles/user-roles.ts'

/** A sign-in makes its places known, and so does the proof of a mailbox. */
const NEVER_SIGNED_IN = sql`not exists (select from ${places} where ${places.userId} = ${users.id})
  and not exists (select from ${sessions} where ${sessions.userId} = ${users.id})`

type NewUser = InputOf<'createUser'> | InputOf<'inviteUser'>

/** Creates accounts without a password: only a mailed link sets one, so that no administrator knows it. */
export function createNewUsers({
  db,
  outbox,
  passwords,
  registrationHashes,
  requireEmailVerification,
  roles,
  sessionCache,
}: Dependencies) {
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

  /**
   * Makes room where a registration waits for its verification: no client has ever opened that account, or can. Any other
   * account may be one that a user works with, so an administrator must decide about it.
   */
  async function endWaitingRegistration(tx: Executor, email: string, act: Act) {
    if (!requireEmailVerification) return
    const isUnopened = and(isUnprovenClaim, isNull(users.secondFactorAt), NEVER_SIGNED_IN)
    const present = await lockAccount(tx, sql`${users.email} = ${email} and ${isUnopened}`)
    if (!present || !registrationHashes.hasMade(email, present.password)) return
    await deleteClaim(tx, present)
    const detail = 'replaced by an invitation'
    await recordAdministration(tx, 'account_deleted', { userId: present.id, detail }, act)
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
        .transaction(async (tx) => {
          await endWaitingRegistration(tx, input.email, act)
          return add(tx, input, password, act, 'user_created')
        })
        .catch(refuseTakenAddress)
      return toManagedUser(user)
    },

    async inviteUser(input: InputOf<'inviteUser'>, act: Act) {
      outbox.requireEnabled()
      const password = await hashUnknown(act.client)
      const user = await db
        .transaction(async (tx) => {
          await endWaitingRegistration(tx, input.email, act)
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
