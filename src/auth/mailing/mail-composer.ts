import { and, eq, gt, lte } from 'drizzle-orm'
import type { Db, Executor } from '../../db/client.ts'
import { type MailRow, mailOutbox, type UserRow, users, verifications } from '../../db/schema.ts'
import type { MailData, MailKind } from '../../mail/templates.ts'
import { digest } from '../keys/sealed-tokens.ts'
import { type MailedTokens, TOKEN_PURPOSES, type TokenPurpose } from './mailed-tokens.ts'

const PATHS: Record<TokenPurpose, string> = {
  PASSWORD_RESET: 'reset-password',
  EMAIL_VERIFICATION: 'verify-email',
  EMAIL_CHANGE_UNDO: 'undo-email-change',
  EMAIL_CHANGE_CANCEL: 'cancel-email-change',
  SIGN_IN_REPORT: 'report-sign-in',
}

type Parts = { db: Db; mailedTokens: MailedTokens; appUrl: string }

/**
 * Composes a mail of the outbox just before it is sent. Only now it looks the account up: the client that asked for a
 * reset or a verification has its answer already, so neither the answer nor its time reveals an account.
 */
export function createMailComposer({ db, mailedTokens, appUrl }: Parts) {
  /** Null if the mail must not be sent any more. */
  return async function composeMail(row: MailRow): Promise<MailData | null> {
    const kind = row.kind as MailKind
    const purpose = TOKEN_PURPOSES[kind]
    if (!purpose) return { kind, to: row.recipient }

    const token = mailedTokens.derive(row.id)
    const user = await db.transaction((tx) => storeToken(tx, row, purpose, token))
    if (!user) return null
    // The token is in the fragment: browsers do not send it, so no server logs it.
    const link = `${appUrl}/${PATHS[purpose]}#token=${token}`
    return { kind, to: row.recipient, link, address: user.email }
  }

  /** Stores the hash of a token. Returns its user; null if the mail must not be sent any more. */
  async function storeToken(
    tx: Executor,
    row: MailRow,
    purpose: TokenPurpose,
    token: string,
  ): Promise<UserRow | null> {
    const isRecipient = row.userId ? eq(users.id, row.userId) : eq(users.email, row.recipient)
    const [user] = await tx.select().from(users).where(isRecipient).for('update')
    if (!user || !isStillWanted(row, user)) return null

    const hasSamePurpose = and(eq(verifications.userId, user.id), eq(verifications.purpose, purpose))
    if (row.tokenMade || purpose === 'EMAIL_CHANGE_UNDO') {
      // A retry, or a token that is valid since the change. One that was used or replaced is not stored again.
      const [stored] = await tx.select().from(verifications).where(eq(verifications.id, row.id))
      return stored ? user : null
    }
    if (purpose === 'PASSWORD_RESET') {
      const [newer] = await tx
        .select()
        .from(verifications)
        .where(and(hasSamePurpose, gt(verifications.createdAt, row.createdAt)))
      if (newer) return null
      await tx.delete(verifications).where(and(hasSamePurpose, lte(verifications.createdAt, row.createdAt)))
    }
    const { id, attempts, sessionId, expiresAt, createdAt, recipient: value } = row
    // The mail may have been deleted in the meantime, or leased by another worker.
    const [updated] = await tx
      .update(mailOutbox)
      .set({ tokenMade: true })
      .where(and(eq(mailOutbox.id, id), eq(mailOutbox.attempts, attempts)))
      .returning({ id: mailOutbox.id })
    if (!updated) return null
    const identifier = digest(token)
    await tx
      .insert(verifications)
      .values({ id, identifier, value, userId: user.id, purpose, sessionId, expiresAt, createdAt })
    return user
  }
}

/** Whether the state of the account still fits the mail. */
function isStillWanted(
  { kind, recipient }: MailRow,
  { email, emailVerified, pendingEmail, disabledAt }: UserRow,
) {
  // The undo link works again when the operator enables the account, so it is mailed all the same.
  if (disabledAt) return TOKEN_PURPOSES[kind] === 'EMAIL_CHANGE_UNDO'
  if (kind === 'email-verification') return email === recipient && !emailVerified
  if (kind === 'email-change') return pendingEmail === recipient
  if (kind === 'password-reset') return email === recipient
  return true
}
