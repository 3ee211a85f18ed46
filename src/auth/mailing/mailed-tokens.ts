import { and, eq, gt, gte, inArray, isNotNull, isNull, ne, notInArray, or, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { mailOutbox } from '../../db/schema/mail-outbox.ts'
import { verifications } from '../../db/schema/mailed-tokens.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { bytesToUuid, createSealer, digest, type Secrets, uuidToBytes } from '../keys/sealed-tokens.ts'

export type MailedTokens = ReturnType<typeof createMailedTokens>
export type TokenPurpose = (typeof verifications.$inferSelect)['purpose']

/** How long a mailed token is valid after its mail was put into the outbox. */
export const MAX_TOKEN_AGE_SECONDS: Record<TokenPurpose, number> = {
  PASSWORD_RESET: 15 * 60,
  EMAIL_VERIFICATION: 60 * 60,
  EMAIL_CHANGE_UNDO: 72 * 3600,
  EMAIL_CHANGE_CANCEL: 72 * 3600,
  SIGN_IN_REPORT: 72 * 3600,
  FACTOR_REMOVAL_UNDO: 72 * 3600,
  /** Begins at the end of the wait. */
  FACTOR_RECOVERY: 72 * 3600,
  INVITATION: 7 * 24 * 3600,
}

/** The purpose of the token in a mail, by the kind of the mail. Other kinds carry no token. */
export const TOKEN_PURPOSES: Record<string, TokenPurpose> = {
  'password-reset': 'PASSWORD_RESET',
  'email-verification': 'EMAIL_VERIFICATION',
  'email-change': 'EMAIL_VERIFICATION',
  'email-changed': 'EMAIL_CHANGE_UNDO',
  'email-change-requested': 'EMAIL_CHANGE_CANCEL',
  'sign-in': 'SIGN_IN_REPORT',
  'factor-removed': 'FACTOR_REMOVAL_UNDO',
  'factor-recovery': 'FACTOR_RECOVERY',
  invitation: 'INVITATION',
}

/** The links that lead an owner back. A taker of the account can end other tokens, but not these. */
const RECOVERY_PURPOSES: TokenPurpose[] = [
  'EMAIL_CHANGE_UNDO',
  'SIGN_IN_REPORT',
  'FACTOR_REMOVAL_UNDO',
  'FACTOR_RECOVERY',
]

type NewToken = {
  /** The id of the mail in the outbox. */
  id: string
  purpose: TokenPurpose
  userId: string
  /** The address that the token is about. */
  value: string
  /** The session that the token is about. */
  sessionId?: string | null | undefined
  createdAt?: Date
  expiresAt?: Date
}

/**
 * A mailed token is the sealed id of its mail in the outbox. So the worker can compute the token when it sends the mail,
 * and no table ever holds it.
 */
export function createMailedTokens(secrets: Secrets) {
  const { seal, open } = createSealer(secrets, 'mailed token', 16)

  /** The token of a mail; always the same one. */
  const derive = (mailId: string) => seal(uuidToBytes(mailId))

  /** By the id in the token, so that a token of the secret before is found too. The seal has proven the id. */
  const isLive = (token: string, purposes: TokenPurpose[]) =>
    and(
      eq(verifications.id, bytesToUuid(open(token) ?? Buffer.alloc(16))),
      inArray(verifications.purpose, purposes),
      gt(verifications.expiresAt, sql`now()`),
    )

  return {
    derive,

    /**
     * Makes the token of a mail valid. In the transaction of a change, it is valid whatever becomes of the mail: pass the
     * same `id` to `outbox.add`.
     */
    async store(executor: Executor, { id, purpose, ...token }: NewToken) {
      const expiresAt = sql`now() + make_interval(secs => ${MAX_TOKEN_AGE_SECONDS[purpose]}::int)`
      const identifier = digest(derive(id))
      await executor.insert(verifications).values({ expiresAt, ...token, id, purpose, identifier })
    },

    /**
     * Ends the undo links that are as old as the used one, or newer. Older links stay valid: an attacker who changed
     * the address twice holds the newer link, and the owner the older one.
     */
    async endLaterUndoTokens(executor: Executor, userId: string, { createdAt }: { createdAt: Date }) {
      const isLater = and(
        eq(verifications.purpose, 'EMAIL_CHANGE_UNDO'),
        gte(verifications.createdAt, createdAt),
      )
      await executor.delete(verifications).where(and(eq(verifications.userId, userId), isLater))
      const isLaterMail = and(isPending('email-changed'), gte(mailOutbox.createdAt, createdAt))
      await executor.delete(mailOutbox).where(and(eq(mailOutbox.userId, userId), isLaterMail))
    },

    /** Reads a token and leaves it valid. @throws `INVALID_TOKEN` */
    async peek(executor: Executor, token: string, ...purposes: TokenPurpose[]) {
      const [row] = open(token)
        ? await executor.select().from(verifications).where(isLive(token, purposes))
        : []
      if (!row) throw new AuthError('INVALID_TOKEN')
      return row
    },

    /**
     * Deletes a token, and locks its user. Of concurrent calls only one succeeds. The token of a disabled account stays.
     * @throws `INVALID_TOKEN`
     */
    async consume(executor: Executor, token: string, ...purposes: TokenPurpose[]) {
      const { userId } = await this.peek(executor, token, ...purposes)
      // Every operation locks the user first: another order could deadlock with a change of the password.
      const [user] = await executor
        .select()
        .from(users)
        .where(and(eq(users.id, userId), isNull(users.disabledAt)))
        .for('update')
      if (!user) throw new AuthError('INVALID_TOKEN')
      const [row] = await executor.delete(verifications).where(isLive(token, purposes)).returning()
      if (!row) throw new AuthError('INVALID_TOKEN')
      return { ...row, user }
    },
  }
}

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
