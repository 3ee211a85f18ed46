import { and, eq, gt, gte, inArray, isNotNull, isNull, ne, or, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { mailOutbox, users, verifications } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import { createSealer, digest, uuidBytes } from '../keys/sealed-tokens.ts'

export type MailedTokens = ReturnType<typeof createMailedTokens>
export type Purpose = (typeof verifications.$inferSelect)['purpose']

/** How long a mailed token is good, from the moment its mail was promised. */
export const TOKEN_SECONDS: Record<Purpose, number> = {
  PASSWORD_RESET: 15 * 60,
  EMAIL_VERIFICATION: 60 * 60,
  EMAIL_CHANGE_UNDO: 72 * 3600,
  EMAIL_CHANGE_CANCEL: 60 * 60,
  SIGN_IN_REPORT: 72 * 3600,
}

/** The kinds of mail that carry a token, and what that token is good for. */
export const TOKEN_MAILS: Record<string, Purpose> = {
  'password-reset': 'PASSWORD_RESET',
  'email-verification': 'EMAIL_VERIFICATION',
  'email-change': 'EMAIL_VERIFICATION',
  'email-changed': 'EMAIL_CHANGE_UNDO',
}

/**
 * Tokens that travel by mail: the sealed id of the promised mail. So the worker can compute the token when it sends the
 * mail, and no table ever holds it.
 */
export function createMailedTokens(secret: string) {
  const { seal, open } = createSealer(secret, 'mailed token', 16)

  const isLive = (token: string, purpose: Purpose) =>
    and(
      eq(verifications.identifier, digest(token)),
      eq(verifications.purpose, purpose),
      gt(verifications.expiresAt, sql`now()`),
    )

  return {
    derive: (mailId: string) => seal(uuidBytes(mailId)),

    /**
     * Closes the ways back to the addresses that came after the one that is back. Those that came
     * before it stay open: a taker who changed the address twice holds the later link.
     */
    async endLaterUndos(executor: Executor, userId: string, { createdAt }: { createdAt: Date }) {
      const isLater = and(
        eq(verifications.purpose, 'EMAIL_CHANGE_UNDO'),
        gte(verifications.createdAt, createdAt),
      )
      await executor.delete(verifications).where(and(eq(verifications.userId, userId), isLater))
      const isLaterMail = and(isPending('email-changed'), gte(mailOutbox.createdAt, createdAt))
      await executor.delete(mailOutbox).where(and(eq(mailOutbox.userId, userId), isLaterMail))
    },

    /** Looks at a token without using it up. @throws `INVALID_TOKEN` */
    async peek(executor: Executor, token: string, purpose: Purpose) {
      const [found] = open(token)
        ? await executor.select().from(verifications).where(isLive(token, purpose))
        : []
      if (!found) throw new AuthError('INVALID_TOKEN')
      return found
    },

    /**
     * Uses a token up; of any number at once one succeeds. A disabled account's stays as it is.
     * @throws `INVALID_TOKEN`
     */
    async consume(executor: Executor, token: string, purpose: Purpose) {
      const { userId } = await this.peek(executor, token, purpose)
      // The user first, as everywhere: the other order would lock crosswise with a change of the password.
      const [user] = await executor
        .select({ id: users.id })
        .from(users)
        .where(and(eq(users.id, userId), isNull(users.disabledAt)))
        .for('update')
      if (!user) throw new AuthError('INVALID_TOKEN')
      const [found] = await executor.delete(verifications).where(isLive(token, purpose)).returning()
      if (!found) throw new AuthError('INVALID_TOKEN')
      return found
    },
  }
}

/**
 * Ends what was mailed to a user, what is about to be, and the change that waits for it. The way back from a changed address
 * stays open: it is for the owner, against whoever took the account and can do all of this too.
 */
export async function endMailedTokens(executor: Executor, user: { id: string; email: string }) {
  const kinds = Object.keys(TOKEN_MAILS).filter((kind) => TOKEN_MAILS[kind] !== 'EMAIL_CHANGE_UNDO')
  await executor
    .update(users)
    .set({ pendingEmail: null })
    .where(and(eq(users.id, user.id), isNotNull(users.pendingEmail)))
  await executor
    .delete(verifications)
    .where(and(eq(verifications.userId, user.id), ne(verifications.purpose, 'EMAIL_CHANGE_UNDO')))
  await executor
    .delete(mailOutbox)
    .where(and(isPending(...kinds), or(eq(mailOutbox.userId, user.id), eq(mailOutbox.recipient, user.email))))
}

const isPending = (...kinds: string[]) =>
  and(eq(mailOutbox.status, 'PENDING'), inArray(mailOutbox.kind, kinds))
