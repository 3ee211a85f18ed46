import { and, eq, gt, gte, inArray, isNotNull, isNull, notInArray, or, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { mailOutbox, users, verifications } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import { createSealer, digest, uuidToBytes } from '../keys/sealed-tokens.ts'

export type MailedTokens = ReturnType<typeof createMailedTokens>
export type TokenPurpose = (typeof verifications.$inferSelect)['purpose']

/** How long a mailed token is valid after its mail was put into the outbox. */
export const MAX_TOKEN_AGE_SECONDS: Record<TokenPurpose, number> = {
  PASSWORD_RESET: 15 * 60,
  EMAIL_VERIFICATION: 60 * 60,
  EMAIL_CHANGE_UNDO: 72 * 3600,
  EMAIL_CHANGE_CANCEL: 60 * 60,
  SIGN_IN_REPORT: 72 * 3600,
}

/** The purpose of the token in a mail, by the kind of the mail. Other kinds carry no token. */
export const TOKEN_PURPOSES: Record<string, TokenPurpose> = {
  'password-reset': 'PASSWORD_RESET',
  'email-verification': 'EMAIL_VERIFICATION',
  'email-change': 'EMAIL_VERIFICATION',
  'email-changed': 'EMAIL_CHANGE_UNDO',
  'email-change-requested': 'EMAIL_CHANGE_CANCEL',
  'sign-in': 'SIGN_IN_REPORT',
}

/**
 * A mailed token is the sealed id of its mail in the outbox. So the worker can compute the token when it sends the mail,
 * and no table ever holds it.
 */
export function createMailedTokens(secret: string) {
  const { seal, open } = createSealer(secret, 'mailed token', 16)

  const isLive = (token: string, purposes: TokenPurpose[]) =>
    and(
      eq(verifications.identifier, digest(token)),
      inArray(verifications.purpose, purposes),
      gt(verifications.expiresAt, sql`now()`),
    )

  return {
    /** The token of a mail; always the same one. */
    derive: (mailId: string) => seal(uuidToBytes(mailId)),

    /** Makes the token of a mail valid before the mail is sent. */
    async store(
      executor: Executor,
      token: { id: string; userId: string; value: string; purpose: TokenPurpose; sessionId?: string },
    ) {
      const identifier = digest(seal(uuidToBytes(token.id)))
      const expiresAt = sql`now() + make_interval(secs => ${MAX_TOKEN_AGE_SECONDS[token.purpose]}::int)`
      await executor.insert(verifications).values({ ...token, identifier, expiresAt })
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
     * Deletes a token. Of concurrent calls only one succeeds. The token of a disabled account stays.
     * @throws `INVALID_TOKEN`
     */
    async consume(executor: Executor, token: string, ...purposes: TokenPurpose[]) {
      const { userId } = await this.peek(executor, token, ...purposes)
      // Every operation locks the user first: another order could deadlock with a change of the password.
      const [user] = await executor
        .select({ id: users.id })
        .from(users)
        .where(and(eq(users.id, userId), isNull(users.disabledAt)))
        .for('update')
      if (!user) throw new AuthError('INVALID_TOKEN')
      const [row] = await executor.delete(verifications).where(isLive(token, purposes)).returning()
      if (!row) throw new AuthError('INVALID_TOKEN')
      return row
    },
  }
}

/** The links that lead an owner back. An attacker who took the account cannot end them. */
const RECOVERY_PURPOSES: TokenPurpose[] = ['EMAIL_CHANGE_UNDO', 'SIGN_IN_REPORT']

/**
 * Ends the user's mailed tokens, the mails in the outbox that would carry one, and the pending change of address. The
 * links that lead the owner back stay valid.
 */
export async function endMailedTokens(executor: Executor, user: { id: string; email: string }) {
  const kinds = Object.entries(TOKEN_PURPOSES)
    .filter(([, purpose]) => !RECOVERY_PURPOSES.includes(purpose))
    .map(([kind]) => kind)
  await executor
    .update(users)
    .set({ pendingEmail: null, pendingSessionId: null })
    .where(and(eq(users.id, user.id), isNotNull(users.pendingEmail)))
  await executor
    .delete(verifications)
    .where(and(eq(verifications.userId, user.id), notInArray(verifications.purpose, RECOVERY_PURPOSES)))
  await executor
    .delete(mailOutbox)
    .where(and(isPending(...kinds), or(eq(mailOutbox.userId, user.id), eq(mailOutbox.recipient, user.email))))
}

/** Ends all mailed tokens of a user, those that lead an owner back too: the mailbox has never been proven before. */
export async function endAllMailedTokens(executor: Executor, user: { id: string; email: string }) {
  await endMailedTokens(executor, user)
  await executor.delete(verifications).where(eq(verifications.userId, user.id))
}

const isPending = (...kinds: string[]) =>
  and(eq(mailOutbox.status, 'PENDING'), inArray(mailOutbox.kind, kinds))
