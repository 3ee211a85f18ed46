import { and, eq, gte, inArray, isNotNull, ne, notInArray, or, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { mailOutbox } from '../../db/schema/mail-outbox.ts'
import { verifications } from '../../db/schema/mailed-tokens.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { TOKEN_PURPOSES, type TokenPurpose } from './mailed-tokens.ts'

/** The links that lead an owner back. A taker of the account can end other tokens, but not these. */
const RECOVERY_PURPOSES: TokenPurpose[] = [
  'EMAIL_CHANGE_UNDO',
  'SIGN_IN_REPORT',
  'FACTOR_REMOVAL_UNDO',
  'FACTOR_RECOVERY',
]

/**
 * Ends the user's mailed tokens, the mails in the outbox that would carry one, and the pending change of address. The
 * links that lead an owner back stay valid, except at a mailbox that the account has left and that was never verified:
 * it may be a stranger's. Pass the user as before the change.
 */
export async function endMailedTokens(
  executor: Executor,
  { id, email, emailVerified }: Pick<UserRow, 'id' | 'email' | 'emailVerified'>,
) {
  const kinds = kindsWith((purpose) => !RECOVERY_PURPOSES.includes(purpose))
  const currentEmail = sql`(select ${users.email} from ${users} where ${users.id} = ${id})`
  await executor
    .update(users)
    .set({ pendingEmail: null, pendingSessionId: null })
    .where(and(eq(users.id, id), isNotNull(users.pendingEmail)))
  const isOfLeftMailbox = emailVerified
    ? undefined
    : and(eq(verifications.purpose, 'SIGN_IN_REPORT'), ne(verifications.value, currentEmail))
  await executor
    .delete(verifications)
    .where(
      and(
        eq(verifications.userId, id),
        or(notInArray(verifications.purpose, RECOVERY_PURPOSES), isOfLeftMailbox),
      ),
    )
  const isToLeftMailbox = emailVerified
    ? undefined
    : and(isPending('sign-in'), ne(mailOutbox.recipient, currentEmail))
  await executor
    .delete(mailOutbox)
    .where(
      or(
        and(isPending(...kinds), or(eq(mailOutbox.userId, id), eq(mailOutbox.recipient, email))),
        isToLeftMailbox && and(eq(mailOutbox.userId, id), isToLeftMailbox),
      ),
    )
}

/** Ends the links of a purpose, also those that are not mailed yet. */
export async function endLinks(executor: Executor, userId: string, ofPurpose: TokenPurpose) {
  const kinds = kindsWith((purpose) => purpose === ofPurpose)
  await executor
    .delete(verifications)
    .where(and(eq(verifications.userId, userId), eq(verifications.purpose, ofPurpose)))
  await executor.delete(mailOutbox).where(and(eq(mailOutbox.userId, userId), isPending(...kinds)))
}

/**
 * Ends the undo links that are as old as the used one, or newer. Older links stay valid: an attacker who changed the address
 * twice holds the newer link, and the owner the older one.
 */
export async function endLaterUndoLinks(executor: Executor, userId: string, since: Date) {
  const isLater = and(eq(verifications.purpose, 'EMAIL_CHANGE_UNDO'), gte(verifications.createdAt, since))
  await executor.delete(verifications).where(and(eq(verifications.userId, userId), isLater))
  const isLaterMail = and(isPending('email-changed'), gte(mailOutbox.createdAt, since))
  await executor.delete(mailOutbox).where(and(eq(mailOutbox.userId, userId), isLaterMail))
}

/** Ends a pending change of address with its links. */
export async function endPendingChange(executor: Executor, { id, email }: UserRow) {
  const { purpose, userId, value } = verifications
  const isOfChange = or(
    eq(purpose, 'EMAIL_CHANGE_CANCEL'),
    and(eq(purpose, 'EMAIL_VERIFICATION'), ne(value, email)),
  )
  await executor.update(users).set({ pendingEmail: null, pendingSessionId: null }).where(eq(users.id, id))
  await executor.delete(verifications).where(and(eq(userId, id), isOfChange))
  await executor
    .delete(mailOutbox)
    .where(and(isPending('email-change', 'email-change-requested'), eq(mailOutbox.userId, id)))
}

/** Ends all mailed tokens of a user, those that lead an owner back too: the mailbox has never been proven before. */
export async function endAllMailedTokens(executor: Executor, user: UserRow) {
  await endMailedTokens(executor, user)
  await executor.delete(verifications).where(eq(verifications.userId, user.id))
}

/** The kinds of mails that carry a token with such a purpose. */
const kindsWith = (isWanted: (purpose: TokenPurpose) => boolean) =>
  Object.entries(TOKEN_PURPOSES).flatMap(([kind, purpose]) => (isWanted(purpose) ? [kind] : []))

/** Mails that are not sent yet. */
export const isPending = (...kinds: string[]) =>
  and(eq(mailOutbox.status, 'PENDING'), inArray(mailOutbox.kind, kinds))
