import { and, eq, gt, gte, lt, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import { factors, recoveryCodes } from '../../db/schema/factors.ts'
import { verifications } from '../../db/schema/mailed-tokens.ts'
import { places as placesTable } from '../../db/schema/throttle.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import type { Dependencies } from '../dependencies.ts'
import { endFactorRecoverySince } from '../factors/factor-recovery.ts'
import { endMailedTokens } from '../mailing/end-tokens.ts'
import { endSessions } from '../sessions/end-session.ts'
import { endRegistrationsFromHere } from './end-registrations.ts'
import { voidSetUp } from './void-set-up.ts'

type Recovery = {
  user: UserRow
  /** The address that the account has from now on, and that its owner's mailbox has proven. */
  email: string
  /** The hash of a new password; without it the password is locked and a mail leads to a new one. */
  passwordHash: string | undefined
  /** When the taker was noticed, by the link. */
  since: Date
  client: Client
}

/**
 * Takes an account back from a taker who knows its password: all sessions end, the password no longer works, and
 * everything that the taker may have set up is void. Works on a locked user.
 * @returns the device cookie of the owner's browser
 */
export async function recoverAccount(
  tx: Executor,
  { languages, outbox, places }: Pick<Dependencies, 'languages' | 'outbox' | 'places'>,
  { user, email, passwordHash, since, client }: Recovery,
) {
  const password = passwordHash
    ? { password: passwordHash, passwordLockedAt: null }
    : { passwordLockedAt: sql`now()` }
  const isFirstProof = !user.emailVerified && user.email === email
  if (isFirstProof) {
    await endRegistrationsFromHere(tx, places, user, client)
    await voidSetUp(tx, user)
  } else await voidSince(tx, user, await findStart(tx, user.id, email, since))
  // The taker may have chosen a language that the owner does not read.
  const locale = languages.choose(client.languages) ?? user.locale
  await tx
    .update(users)
    .set({ email, emailVerified: true, pendingEmail: null, pendingSessionId: null, locale, ...password })
    .where(eq(users.id, user.id))
  if (!passwordHash) await outbox.add(tx, { kind: 'password-reset', recipient: email, userId: user.id })
  return places.add(tx, user.id, client)
}

/**
 * When the first sign-in was that this mailbox can still report, or the time of the used link if there was none before it.
 * The taker may have added a factor since that sign-in, and the owner may follow only the newest link. The reader of the
 * mailbox could follow the link of that sign-in too, so this opens no way around a factor.
 */
async function findStart(tx: Executor, userId: string, email: string, since: Date) {
  const reports = await tx
    .select({ createdAt: verifications.createdAt })
    .from(verifications)
    .where(
      and(
        eq(verifications.userId, userId),
        eq(verifications.value, email),
        eq(verifications.purpose, 'SIGN_IN_REPORT'),
        gt(verifications.expiresAt, sql`now()`),
        lt(verifications.createdAt, since),
      ),
    )
    .orderBy(verifications.createdAt)
    .limit(1)
  return reports[0]?.createdAt ?? since
}

/**
 * Ends what a taker may have of an account whose mailbox was proven before. The taker may have come before the change that
 * the owner noticed, so no place is known any more.
 */
async function voidSince(tx: Executor, user: UserRow, since: Date) {
  await endSessions(tx, user.id)
  await endMailedTokens(tx, user)
  await tx.delete(placesTable).where(eq(placesTable.userId, user.id))
  await endFactorRecoverySince(tx, user.id, since)
  await undoFactorChanges(tx, user.id, since)
}

/**
 * Factors that were added since then are void, and those that were removed are back. A passkey of the taker would still
 * open the account, and an app would keep the owner out. Older factors stay, so the mailbox alone bypasses none of them.
 */
async function undoFactorChanges(tx: Executor, userId: string, since: Date) {
  await tx.delete(factors).where(and(eq(factors.userId, userId), gte(factors.createdAt, since)))
  await tx
    .update(factors)
    .set({ removedAt: null })
    .where(and(eq(factors.userId, userId), gte(factors.removedAt, since)))
  await tx
    .delete(recoveryCodes)
    .where(and(eq(recoveryCodes.userId, userId), gte(recoveryCodes.createdAt, since)))
}
