import { eq } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import type { SessionRow } from '../../db/schema/sessions.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { createRandomId } from '../../db/uuid.ts'
import { AuthError } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { endMailedTokens } from '../mailing/end-tokens.ts'
import { endSessions } from '../sessions/end-session.ts'
import { renewCookie } from '../sessions/renew-session.ts'
import { isEmailTaken } from './taken-addresses.ts'
import { endUnprovenClaim } from './unproven-claim.ts'

type EmailChange = {
  user: UserRow
  newEmail: string
  /** The session that requested the change, and does not end. It gets a new secret if its cookie can be set. */
  keptSession: Pick<SessionRow, 'id' | 'transport'> | undefined
  client: Client
  verified?: boolean
}

/**
 * Changes the address of a locked user. Other sessions and mailed tokens end. The old mailbox gets a notice, with an
 * undo link if that address was verified. If the mailbox has proven the new address, an account that only claimed it ends.
 * @throws a unique violation, or `EMAIL_TAKEN` if the address is taken or reserved
 */
export async function changeEmail(
  tx: Executor,
  { mailedTokens, outbox, refreshTokens }: Pick<Dependencies, 'mailedTokens' | 'outbox' | 'refreshTokens'>,
  { user, newEmail, keptSession, client, verified = false }: EmailChange,
) {
  if (verified) await endUnprovenClaim(tx, newEmail, user.id, client)
  if (await isEmailTaken(tx, newEmail, user.id, 'CLAIM')) throw new AuthError('EMAIL_TAKEN')
  const [row] = await tx
    .update(users)
    .set({ email: newEmail, emailVerified: verified, pendingEmail: null, pendingSessionId: null })
    .where(eq(users.id, user.id))
    .returning()
  if (!row) throw new TypeError('The row of the locked user is missing')
  await endSessions(tx, user.id, keptSession?.id)
  await endMailedTokens(tx, user)
  await recordEvent(tx, 'email_changed', user.id, client)
  const mail = { id: createRandomId(), recipient: user.email, userId: user.id }
  await outbox.add(tx, { kind: user.emailVerified ? 'email-changed' : 'email-replaced', ...mail })
  // The undo token also reserves the old address for its owner, whatever becomes of the mail.
  if (user.emailVerified) {
    const undo = { id: mail.id, userId: user.id, value: user.email, purpose: 'EMAIL_CHANGE_UNDO' } as const
    await mailedTokens.store(tx, undo)
  }
  if (!verified)
    await outbox.add(tx, { kind: 'email-verification', recipient: newEmail, userId: user.id, client })
  return { row, secret: keptSession && (await renewCookie(tx, keptSession, refreshTokens)) }
}
