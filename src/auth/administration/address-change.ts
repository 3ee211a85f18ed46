import { eq } from 'drizzle-orm'
import type { Act } from '../../contract/administrator.ts'
import type { Executor } from '../../db/client.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { createRandomId } from '../../db/uuid.ts'
import { AuthError } from '../../errors.ts'
import { isEmailTaken } from '../account/taken-addresses.ts'
import { voidSetUp } from '../account/void-set-up.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordAdministration } from '../events/administration-events.ts'
import { endPendingChange } from '../mailing/end-tokens.ts'
import { mailInvitation, mayBeInvited } from './invitations.ts'
import { permissionsOf } from './roles/roles.ts'
import { requireAll } from './roles/user-roles.ts'

type Parts = Pick<Dependencies, 'mailedTokens' | 'outbox' | 'roles'>

/**
 * Lets another mailbox take over a locked account: its link changes the address, see docs/decisions/administration.md. The
 * present address cancels a change.
 * @throws `FORBIDDEN`, `EMAIL_TAKEN`, or a unique violation
 */
export const startEmailChange =
  ({ mailedTokens, outbox, roles }: Parts, email: string) =>
  async (tx: Executor, user: UserRow, act: Act) => {
    const { id } = user
    if (id === act.administrator.userId) throw new AuthError('FORBIDDEN', { detail: OWN_ACCOUNT })
    // The reader of the new mailbox gets all that the user may do, also at other services.
    requireAll(act.administrator, permissionsOf(user.roles, await roles.listWithin(tx)))
    if (email === user.email) return cancelChange(tx, user, act)
    // An invitation moves at once, and its new mailbox has proven nothing.
    const isInvitation = mayBeInvited(user)
    if (await isEmailTaken(tx, email, id, isInvitation ? 'CLAIM' : 'PROOF'))
      throw new AuthError('EMAIL_TAKEN')
    if (isInvitation) return moveInvitation(tx, outbox, { ...user, email }, act)
    // Without a session, so that only another change, the link that cancels it or a new password ends it.
    await tx.update(users).set({ pendingEmail: email, pendingSessionId: null }).where(eq(users.id, id))
    await outbox.add(tx, { kind: 'email-change', recipient: email, userId: id })
    const cancel = { id: createRandomId(), userId: id }
    // A mailbox that was never proven may be a stranger's. It gets no link, but the token still limits the change.
    if (user.emailVerified) {
      await outbox.add(tx, { kind: 'email-change-requested', recipient: user.email, ...cancel })
    }
    await mailedTokens.store(tx, { ...cancel, purpose: 'EMAIL_CHANGE_CANCEL', value: user.email })
    await recordAdministration(tx, 'email_change_requested', { userId: id }, act)
  }

const OWN_ACCOUNT = 'Use updateMe to change the address of your own account.'

async function cancelChange(tx: Executor, user: UserRow, act: Act) {
  if (user.pendingEmail === null) return
  await endPendingChange(tx, user)
  await recordAdministration(tx, 'email_change_cancelled', { userId: user.id }, act)
}

/** An account whose user has never opened it needs no proof. What strangers may have set up for it is void. */
async function moveInvitation(tx: Executor, outbox: Dependencies['outbox'], user: UserRow, act: Act) {
  const { id, email, username } = user
  await voidSetUp(tx, user)
  await tx.update(users).set({ email, username }).where(eq(users.id, id))
  await recordAdministration(tx, 'email_changed', { userId: id }, act)
  await mailInvitation(tx, outbox, user)
}
