import { and, eq, gt, ne, or, sql } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'
import { type SessionRow, type UserRow, users, verifications } from '../db/schema.ts'
import { AuthError } from '../errors.ts'
import type { Client } from './caller.ts'
import type { Core } from './core.ts'
import { endSessions } from './end-session.ts'
import { record } from './events.ts'
import { endMailedTokens } from './mailed-tokens.ts'
import { renewSession } from './renew-session.ts'

type Change = {
  user: UserRow
  newEmail: string
  /** The session that stays: the one that asked. It gets a new secret where its cookie can carry it. */
  keep: Pick<SessionRow, 'id' | 'transport'> | null
  client: Client
  verified?: boolean
}

/**
 * Puts a new address in force: other sessions end, mailed tokens die, and the old mailbox hears of
 * it, with a way back if it was known to be the owner's.
 * @throws a unique violation, or `EMAIL_TAKEN` for an address that another account may claim back
 */
export async function changeEmail(
  tx: Executor,
  { outbox, refreshTokens }: Pick<Core, 'outbox' | 'refreshTokens'>,
  { user, newEmail, keep, client, verified = false }: Change,
) {
  if (await isReserved(tx, newEmail, user.id)) throw new AuthError('EMAIL_TAKEN')
  const [row] = await tx
    .update(users)
    .set({ email: newEmail, emailVerified: verified, pendingEmail: null })
    .where(eq(users.id, user.id))
    .returning()
  if (!row) throw new TypeError('The user is gone from under a lock')
  await endSessions(tx, user.id, keep?.id)
  await endMailedTokens(tx, user)
  await record(tx, 'email_changed', user.id, client)
  const notice = user.emailVerified ? 'email-changed' : 'email-replaced'
  await outbox.promise(tx, { kind: notice, recipient: user.email, userId: user.id })
  if (!verified)
    await outbox.promise(tx, { kind: 'email-verification', recipient: newEmail, userId: user.id })
  // A TOKEN session cannot be handed a new secret here, so it keeps its own and rotates in its turn.
  const renewed = keep?.transport === 'COOKIE' ? await renewSession(tx, keep.id, refreshTokens) : undefined
  return { row, secret: renewed?.secret }
}

/** Whether an address is another account's, or was until a moment ago and may go back to it. */
export async function isReserved(executor: Executor, email: string, userId: string | null) {
  const [found] = await executor
    .select({ id: users.id })
    .from(users)
    .leftJoin(
      verifications,
      and(
        eq(verifications.userId, users.id),
        eq(verifications.purpose, 'EMAIL_CHANGE_UNDO'),
        gt(verifications.expiresAt, sql`now()`),
      ),
    )
    .where(
      and(
        or(eq(users.email, email), eq(verifications.value, email)),
        userId ? ne(users.id, userId) : undefined,
      ),
    )
    .limit(1)
  return found !== undefined
}
