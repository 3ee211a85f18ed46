import { and, eq, gt, lte } from 'drizzle-orm'
import type { Db, Executor } from '../../db/client.ts'
import { type MailRow, mailOutbox, type UserRow, users, verifications } from '../../db/schema.ts'
import type { MailData, MailKind } from '../../mail/templates.ts'
import { digest } from '../keys/sealed-tokens.ts'
import type { Throttle } from '../throttle/throttle.ts'
import { type MailedTokens, type Purpose, TOKEN_MAILS } from './mailed-tokens.ts'

const PATHS: Record<Purpose, string> = {
  PASSWORD_RESET: 'reset-password',
  EMAIL_VERIFICATION: 'verify-email',
  EMAIL_CHANGE_UNDO: 'undo-email-change',
  EMAIL_CHANGE_CANCEL: 'cancel-email-change',
  SIGN_IN_REPORT: 'report-sign-in',
}

type Parts = { db: Db; mailedTokens: MailedTokens; throttle: Throttle; appUrl: string }

/**
 * Turns a promised mail into a letter when it is about to be sent. Who asks for a reset or a
 * verification is answered before anybody has looked whether there is an account; that is done
 * here, so that nothing shows in the answer or its time.
 */
export function createLetters({ db, mailedTokens, throttle, appUrl }: Parts) {
  return async function compose(row: MailRow): Promise<MailData | null> {
    const kind = row.kind as MailKind
    // Counted once: a mail that could not be delivered is tried again.
    if (row.attempts === 1 && !(await throttle.mayReceive(row.recipient))) return null
    const purpose = TOKEN_MAILS[kind]
    if (!purpose) return { kind, to: row.recipient }

    const token = mailedTokens.derive(row.id)
    const user = await db.transaction((tx) => makeToken(tx, row, purpose, token))
    // In the fragment, which browsers send to nobody and servers do not log.
    return (
      user && {
        kind,
        to: row.recipient,
        link: `${appUrl}/${PATHS[purpose]}#token=${token}`,
        address: user.email,
      }
    )
  }

  /** The user that a token was made for; null when nobody should get this mail any more. */
  async function makeToken(
    tx: Executor,
    row: MailRow,
    purpose: Purpose,
    token: string,
  ): Promise<UserRow | null> {
    const isReader = row.userId ? eq(users.id, row.userId) : eq(users.email, row.recipient)
    const [user] = await tx.select().from(users).where(isReader).for('update')
    if (!user || !isStillMeant(row, user)) return null

    const ofSameKind = and(eq(verifications.userId, user.id), eq(verifications.purpose, purpose))
    if (row.tokenMade) {
      // A second attempt to deliver: a token that was used or replaced meanwhile is not made again.
      const [token] = await tx.select().from(verifications).where(eq(verifications.id, row.id))
      return token ? user : null
    }
    if (purpose !== 'EMAIL_CHANGE_UNDO') {
      const [newer] = await tx
        .select()
        .from(verifications)
        .where(and(ofSameKind, gt(verifications.createdAt, row.createdAt)))
      if (newer) return null
      await tx.delete(verifications).where(and(ofSameKind, lte(verifications.createdAt, row.createdAt)))
    }
    const { id, attempts, sessionId, expiresAt, createdAt, recipient: value } = row
    // The promise may have been taken back while its turn came, or taken over by another worker.
    const [kept] = await tx
      .update(mailOutbox)
      .set({ tokenMade: true })
      .where(and(eq(mailOutbox.id, id), eq(mailOutbox.attempts, attempts)))
      .returning({ id: mailOutbox.id })
    if (!kept) return null
    const identifier = digest(token)
    await tx
      .insert(verifications)
      .values({ id, identifier, value, userId: user.id, purpose, sessionId, expiresAt, createdAt })
    return user
  }
}

/** A mail that asks for something is for an account in which that is still wanted. */
function isStillMeant(
  { kind, recipient }: MailRow,
  { email, emailVerified, pendingEmail, disabledAt }: UserRow,
) {
  // The way back from a changed address is told all the same: it opens again with the account.
  if (disabledAt) return TOKEN_MAILS[kind] === 'EMAIL_CHANGE_UNDO'
  if (kind === 'email-verification') return email === recipient && !emailVerified
  if (kind === 'email-change') return pendingEmail === recipient
  if (kind === 'password-reset') return email === recipient
  return true
}
