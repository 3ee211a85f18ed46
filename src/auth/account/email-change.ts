import { and, eq, gt, inArray, ne, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import { type Executor, isUniqueViolation } from '../../db/client.ts'
import { verifications } from '../../db/schema/mailed-tokens.ts'
import type { SessionRow } from '../../db/schema/sessions.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { recordEvent } from '../events/events.ts'
import { createRandomId } from '../keys/sealed-tokens.ts'
import { endMailedTokens } from '../mailing/end-tokens.ts'
import type { MailedTokens } from '../mailing/mailed-tokens.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { endSessions } from '../sessions/end-session.ts'
import type { RefreshTokens } from '../sessions/refresh-tokens.ts'
import { renewSession } from '../sessions/renew-session.ts'

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
 * undo link if that address was verified.
 * @throws a unique violation, or `EMAIL_TAKEN` if the address is taken or reserved
 */
export async function changeEmail(
  tx: Executor,
  {
    mailedTokens,
    outbox,
    refreshTokens,
  }: { mailedTokens: MailedTokens; outbox: Outbox; refreshTokens: RefreshTokens },
  { user, newEmail, keptSession, client, verified = false }: EmailChange,
) {
  if (await isEmailTaken(tx, newEmail, user.id)) throw new AuthError('EMAIL_TAKEN')
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
  // The answer cannot carry a new secret to a TOKEN session. It keeps its old one until its next rotation.
  const renewed =
    keptSession?.transport === 'COOKIE' ? await renewSession(tx, keptSession.id, refreshTokens) : undefined
  return { row, secret: renewed?.secret }
}

/** For the fault of a write: an address that was taken or reserved in the meantime violates the uniqueness of addresses. */
export function refuseTakenAddress(fault: unknown): never {
  throw isUniqueViolation(fault) ? new AuthError('EMAIL_TAKEN', { cause: fault }) : fault
}

/** If the address was taken in the meantime, throws `INVALID_TOKEN`: `EMAIL_TAKEN` would reveal another account. */
export function concealTakenAddress(fault: unknown): never {
  const isTaken = isUniqueViolation(fault) || (fault instanceof AuthError && fault.code === 'EMAIL_TAKEN')
  throw isTaken ? new AuthError('INVALID_TOKEN', { cause: fault }) : fault
}

/** Whether an address belongs to another account or is reserved for one. */
export async function isEmailTaken(executor: Executor, email: string, userId: string) {
  const [owner] = await executor
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.email, email), ne(users.id, userId)))
  // Both queries always run, so that the time does not reveal which one matched.
  const isReserved = await isReservedForUndo(executor, email, userId)
  return owner !== undefined || isReserved
}

/**
 * Whether an address is reserved for the account that had it before, because its undo token is valid. No other account
 * can take the address until then, because that would break the link.
 */
export async function isReservedForUndo(executor: Executor, email: string, exceptUserId?: string) {
  return (await findReservations(executor, [email], exceptUserId)).length > 0
}

/** Finds the reserved addresses among many, and the accounts that they are reserved for. */
export async function findReservations(executor: Executor, emails: string[], exceptUserId?: string) {
  return executor
    .select({ email: verifications.value, userId: verifications.userId })
    .from(verifications)
    .where(
      and(
        inArray(verifications.value, emails),
        eq(verifications.purpose, 'EMAIL_CHANGE_UNDO'),
        gt(verifications.expiresAt, sql`now()`),
        exceptUserId ? ne(verifications.userId, exceptUserId) : undefined,
      ),
    )
}
