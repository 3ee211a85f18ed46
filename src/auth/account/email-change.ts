import { and, eq, gt, inArray, ne, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { mailOutbox, type SessionRow, type UserRow, users, verifications } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import { recordEvent } from '../events/events.ts'
import { endMailedTokens } from '../mailing/mailed-tokens.ts'
import type { Outbox } from '../mailing/outbox.ts'
import { endSessions } from '../sessions/end-session.ts'
import type { RefreshTokens } from '../sessions/refresh-tokens.ts'
import { renewSession } from '../sessions/renew-session.ts'

type Change = {
  user: UserRow
  newEmail: string
  /** The session that stays: the one that asked. It gets a new secret where its cookie can carry it. */
  keep: Pick<SessionRow, 'id' | 'transport'> | null
  client: Client
  verified?: boolean
  /** Whether the new address may be asked to verify itself. */
  mayMail?: boolean
}

/**
 * Puts a new address in force: other sessions end, mailed tokens die, and the old mailbox hears of
 * it, with a way back if it was known to be the owner's.
 * @throws a unique violation, or `EMAIL_TAKEN` for an address that another account may claim back
 */
export async function changeEmail(
  tx: Executor,
  { outbox, refreshTokens }: { outbox: Outbox; refreshTokens: RefreshTokens },
  { user, newEmail, keep, client, verified = false, mayMail = false }: Change,
) {
  if (await isTaken(tx, newEmail, user.id)) throw new AuthError('EMAIL_TAKEN')
  const [row] = await tx
    .update(users)
    .set({ email: newEmail, emailVerified: verified, pendingEmail: null })
    .where(eq(users.id, user.id))
    .returning()
  if (!row) throw new TypeError('The user is gone from under a lock')
  await endSessions(tx, user.id, keep?.id)
  await endMailedTokens(tx, user)
  await recordEvent(tx, 'email_changed', user.id, client)
  const notice = user.emailVerified ? 'email-changed' : 'email-replaced'
  await outbox.add(tx, { kind: notice, recipient: user.email, userId: user.id })
  if (mayMail) await outbox.add(tx, { kind: 'email-verification', recipient: newEmail, userId: user.id })
  // A TOKEN session cannot be handed a new secret here, so it keeps its own and rotates in its turn.
  const renewed = keep?.transport === 'COOKIE' ? await renewSession(tx, keep.id, refreshTokens) : undefined
  return { row, secret: renewed?.secret }
}

/** Whether an address is another account's, or may go back to one. */
export async function isTaken(executor: Executor, email: string, userId: string) {
  const [owner] = await executor
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.email, email), ne(users.id, userId)))
  // Both are always asked, so that the time does not tell which was found.
  const goesBack = await mayGoBack(executor, email, userId)
  return owner !== undefined || goesBack
}

/**
 * Whether an address was another account's until lately and a link that puts it back is on its way
 * or good. Meanwhile it is nobody else's, or taking it would close the way back.
 */
export async function mayGoBack(executor: Executor, email: string, exceptUserId?: string) {
  return (await whichMayGoBack(executor, [email], exceptUserId)).length > 0
}

/** The same for many addresses at once. */
export async function whichMayGoBack(executor: Executor, emails: string[], exceptUserId?: string) {
  const found = await executor
    .select({ email: verifications.value })
    .from(verifications)
    .where(
      and(
        inArray(verifications.value, emails),
        eq(verifications.purpose, 'EMAIL_CHANGE_UNDO'),
        gt(verifications.expiresAt, sql`now()`),
        exceptUserId ? ne(verifications.userId, exceptUserId) : undefined,
      ),
    )
    .unionAll(
      executor
        .select({ email: mailOutbox.recipient })
        .from(mailOutbox)
        .where(
          and(
            inArray(mailOutbox.recipient, emails),
            eq(mailOutbox.kind, 'email-changed'),
            eq(mailOutbox.status, 'PENDING'),
            gt(mailOutbox.expiresAt, sql`now()`),
            exceptUserId ? ne(mailOutbox.userId, exceptUserId) : undefined,
          ),
        ),
    )
  return found.map(({ email }) => email)
}
