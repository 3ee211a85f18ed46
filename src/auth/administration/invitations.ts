import type { Executor } from '../../db/client.ts'
import type { UserRow } from '../../db/schema/users.ts'
import { endLinks } from '../mailing/end-tokens.ts'
import type { Outbox } from '../mailing/outbox.ts'

/**
 * An account whose user has never chosen a password, nor has a passkey. An imported account can have one: it may be a
 * stranger's, who would sign in with it, and have the roles of the invitation.
 */
export const mayBeInvited = ({ emailVerified, passwordLockedAt, secondFactorAt }: UserRow) =>
  !emailVerified && passwordLockedAt !== null && secondFactorAt === null

/** Mails the link that sets the first password of an account. An earlier link stops working. */
export async function mailInvitation(tx: Executor, outbox: Outbox, { id, email }: UserRow) {
  await endLinks(tx, id, 'INVITATION')
  await outbox.add(tx, { kind: 'invitation', recipient: email, userId: id })
}
