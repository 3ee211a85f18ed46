import { and, eq, gt, inArray, or, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { secondsFromNow } from '../../db/moments.ts'
import { verifications } from '../../db/schema/mailed-tokens.ts'
import { users } from '../../db/schema/users.ts'
import { bytesToUuid, UUID_BYTES, uuidToBytes } from '../../db/uuid.ts'
import { AuthError } from '../../errors.ts'
import { createSealer, digest, type Secrets } from '../keys/sealed-tokens.ts'

export type MailedTokens = ReturnType<typeof createMailedTokens>
export type MailedToken = typeof verifications.$inferSelect
export type TokenPurpose = MailedToken['purpose']

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
  const { seal, open } = createSealer(secrets, 'mailed token', UUID_BYTES)

  /** The token of a mail; always the same one. */
  const derive = (mailId: string) => seal(uuidToBytes(mailId))

  /** The mail of a token; null if this server did not create the token. */
  function findId(token: string) {
    const id = open(token)
    return id && bytesToUuid(id)
  }

  /** By the id in the token, so that a token of the secret before is found too. The seal has proven the id. */
  const isLive = (id: string, purposes: TokenPurpose[]) =>
    and(
      eq(verifications.id, id),
      inArray(verifications.purpose, purposes),
      gt(verifications.expiresAt, sql`now()`),
    )

  /** Reads a token and leaves it valid. @throws `INVALID_TOKEN` */
  async function peek(executor: Executor, token: string, ...purposes: TokenPurpose[]) {
    const id = findId(token)
    const [row] = id ? await executor.select().from(verifications).where(isLive(id, purposes)) : []
    if (!row) throw new AuthError('INVALID_TOKEN')
    return row
  }

  return {
    derive,
    findId,
    peek,

    /**
     * Makes the token of a mail valid. In the transaction of a change, it is valid whatever becomes of the mail: pass the
     * same `id` to `outbox.add`.
     */
    async store(executor: Executor, { id, purpose, ...token }: NewToken) {
      const expiresAt = secondsFromNow(MAX_TOKEN_AGE_SECONDS[purpose])
      const identifier = digest(derive(id))
      await executor.insert(verifications).values({ expiresAt, ...token, id, purpose, identifier })
    },

    /**
     * Deletes a token, and locks its user. Of concurrent calls only one succeeds. The token of a disabled account stays.
     * @returns the token with its user, and `lockedIds` of all accounts that the change may concern
     * @throws `INVALID_TOKEN`
     */
    async consume(executor: Executor, token: string, ...purposes: TokenPurpose[]) {
      const { id, userId, value } = await peek(executor, token, ...purposes)
      // Every operation locks the user first: another order could deadlock with a change of the password. The proof of an
      // address may end another account that has it. Several are locked by their ids, as by sign-ins.
      const locked = await executor
        .select()
        .from(users)
        .where(or(eq(users.id, userId), eq(users.email, value)))
        .orderBy(users.id)
        .for('update')
      const user = locked.find((account) => account.id === userId)
      if (!user || user.disabledAt) throw new AuthError('INVALID_TOKEN')
      const [row] = await executor.delete(verifications).where(isLive(id, purposes)).returning()
      if (!row) throw new AuthError('INVALID_TOKEN')
      return { ...row, user, lockedIds: locked.map((account) => account.id) }
    },
  }
}
