import { and, eq, gt, sql } from 'drizzle-orm'
import { RECOVERY_WAIT_SECONDS } from '../../contract/lifetimes.ts'
import type { Db, Executor } from '../../db/client.ts'
import { secondsUntil } from '../../db/moments.ts'
import { type MailRow, mailOutbox } from '../../db/schema/mail-outbox.ts'
import { verifications } from '../../db/schema/mailed-tokens.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import type { MailData, MailKind } from '../../mail/kinds.ts'
import { isStillOurs } from '../../mail/lease.ts'
import type { RateLimit } from '../../settings/throttle.ts'
import { isUnprovenClaim } from '../account/unproven-claim.ts'
import type { Observer } from '../observer.ts'
import { type MailedTokens, TOKEN_PURPOSES, type TokenPurpose } from './mailed-tokens.ts'
import { joinNotices } from './notices.ts'
import { countMails, createRequestedLinks, isRequestedKind } from './requested-links.ts'

/** The page of each link, under `APP_URL`. */
export const LINK_PATHS: Record<TokenPurpose, string> = {
  PASSWORD_RESET: 'reset-password',
  EMAIL_VERIFICATION: 'verify-email',
  EMAIL_CHANGE_UNDO: 'undo-email-change',
  EMAIL_CHANGE_CANCEL: 'cancel-email-change',
  SIGN_IN_REPORT: 'report-sign-in',
  FACTOR_REMOVAL_UNDO: 'undo-factor-change',
  FACTOR_RECOVERY: 'recover-factor',
  INVITATION: 'accept-invitation',
}

/** Kinds with a link that a client of the account can cause again and again. */
const CAUSED_BY_USE: string[] = ['sign-in', 'factor-removed'] satisfies MailKind[]

/** Kinds that a client can cause without a credential of the account. */
const STRANGERS_CAUSE: ReadonlySet<string> = new Set<MailKind>(['password-reset', 'email-verification'])

type Parts = {
  db: Db
  mailedTokens: MailedTokens
  appUrl: string
  /** How many mails with a link that was asked for a mailbox may get. Null if nothing is limited. */
  linkLimit: RateLimit | null
  observer?: Observer | undefined
}

/**
 * Composes a mail of the outbox just before it is sent. Only now it looks the account up: the client that asked for a
 * reset or a verification has its answer already, so neither the answer nor its time reveals an account.
 */
export function createMailComposer({ db, mailedTokens, appUrl, linkLimit, observer }: Parts) {
  const chooseLink = createRequestedLinks({ mailedTokens, limit: linkLimit, observer })

  /** `UNWANTED` if the mail must not be sent any more; `POSTPONED` if its turn comes later. */
  return function composeMail(row: MailRow): Promise<MailData | 'UNWANTED' | 'POSTPONED'> {
    const purpose = TOKEN_PURPOSES[row.kind]
    return purpose ? composeLink(row, purpose) : composeNotice(row)
  }

  async function composeNotice(row: MailRow) {
    const joined = await joinNotices(db, row)
    if (joined === 'POSTPONED') return joined
    return {
      ...toMail(row),
      at: joined.createdAt,
      count: joined.count,
      waitSeconds: RECOVERY_WAIT_SECONDS,
      ...toReader(row, await findReader(db, row)),
    }
  }

  async function composeLink(row: MailRow, purpose: TokenPurpose) {
    const composed = await db.transaction(async (tx) => {
      const user = await lockUserAndMail(tx, row)
      if (!user || !isStillWanted(row, user)) return null
      const tokenId = isRequestedKind(row.kind)
        ? await chooseLink(tx, row, user)
        : await storeOwnToken(tx, row, user, purpose)
      if (!tokenId) return null
      return {
        tokenId,
        user,
        validSeconds: await readLifetime(tx, tokenId),
        endsAnother: row.kind === 'email-change' && (await isClaimed(tx, row)),
        session: await findSession(tx, row),
      }
    })
    if (!composed) return 'UNWANTED'
    const { tokenId, user, validSeconds, endsAnother, session } = composed
    const address = row.kind === 'email-change-requested' ? user.pendingEmail : user.email
    return {
      ...toMail(row),
      ...toReader(row, user),
      // The token is in the fragment: browsers do not send it, so no server logs it.
      link: `${appUrl}/${LINK_PATHS[purpose]}#token=${mailedTokens.derive(tokenId)}`,
      validSeconds,
      endsAnother,
      ...(address && { address }),
      ...(session && { session }),
    }
  }

  /**
   * Whether a mailbox that was never proven has had its mails. The account may be a stranger's, who could fill it. Nothing is
   * lost: the first proof of the mailbox voids all that was set up before.
   */
  async function isFull(tx: Executor, { kind, recipient }: MailRow, { emailVerified }: UserRow) {
    if (emailVerified || !linkLimit || !CAUSED_BY_USE.includes(kind)) return false
    const [max, seconds] = linkLimit
    const isOver = (await countMails(tx, { recipient, kinds: CAUSED_BY_USE }, seconds)) >= max
    if (isOver) observer?.onLimitReached('linkMailPerMailbox')
    return isOver
  }

  /**
   * The token of a mail that is sent whatever else happens to a proven mailbox. Null if the token was used in the meantime,
   * or if a mailbox that was never proven has had too many.
   */
  async function storeOwnToken(tx: Executor, row: MailRow, user: UserRow, purpose: TokenPurpose) {
    const { id, recipient: value, sessionId, createdAt, expiresAt } = row
    const [stored] = await tx
      .select({ id: verifications.id })
      .from(verifications)
      .where(and(eq(verifications.id, id), gt(verifications.expiresAt, sql`now()`)))
    if (!stored && row.tokenMade) return null
    if (!row.tokenMade && (await isFull(tx, row, user))) return null
    await tx.update(mailOutbox).set({ tokenMade: true }).where(eq(mailOutbox.id, id))
    if (!stored) {
      await mailedTokens.store(tx, { id, purpose, userId: user.id, value, sessionId, createdAt, expiresAt })
    }
    return id
  }
}

const toMail = (row: MailRow) => ({ kind: row.kind as MailKind, to: row.recipient, at: row.createdAt })

async function findReader(db: Db, { userId, recipient }: MailRow) {
  const { email, emailVerified, locale, username } = users
  const isReader = userId ? eq(users.id, userId) : eq(email, recipient)
  const [reader] = await db.select({ email, emailVerified, locale, username }).from(users).where(isReader)
  return reader
}

/**
 * The reader of a mail. The language and the name of an account whose mailbox is not proven may be a stranger's: then
 * the language of the request counts first, and the name is left out.
 */
function toReader({ locale, recipient }: MailRow, reader: Awaited<ReturnType<typeof findReader>>) {
  if (!reader?.emailVerified) return { locale: locale ?? reader?.locale ?? null }
  return { locale: reader.locale ?? locale, name: reader.email === recipient ? reader.username : null }
}

/**
 * Locks in the order of all operations. Null if the user is gone, or if the mail is gone or another worker's. A stranger's
 * registration must not wait for this worker, because the wait would reveal the account. So workers take turns by an
 * advisory lock, and the lock of the user only excludes changes of the account.
 */
async function lockUserAndMail(tx: Executor, row: MailRow) {
  const isRecipient = row.userId ? eq(users.id, row.userId) : eq(users.email, row.recipient)
  const strength = STRANGERS_CAUSE.has(row.kind) ? 'key share' : 'no key update'
  const [user] = await tx.select().from(users).where(isRecipient).for(strength)
  if (!user) return null
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`mail ${row.recipient}`}, 0))`)
  const [mail] = await tx.select({ id: mailOutbox.id }).from(mailOutbox).where(isStillOurs(row)).for('update')
  return mail ? user : null
}

/** How long the token of a link is still valid: the link may be sent again, or late. */
async function readLifetime(tx: Executor, tokenId: string) {
  const [token] = await tx
    .select({ seconds: secondsUntil(verifications.expiresAt) })
    .from(verifications)
    .where(eq(verifications.id, tokenId))
  return token?.seconds ?? 0
}

/** Whether an account claims the recipient's address, and ends if the link is used. */
async function isClaimed(tx: Executor, { recipient }: MailRow) {
  const isClaim = and(eq(users.email, recipient), isUnprovenClaim)
  return (await tx.select({ id: users.id }).from(users).where(isClaim)).length > 0
}

/** The session that a notice of a sign-in is about. It may have ended. */
async function findSession(tx: Executor, { kind, sessionId }: MailRow) {
  if (kind !== 'sign-in' || !sessionId) return undefined
  const { ipAddress, userAgent } = sessions
  const [session] = await tx.select({ ipAddress, userAgent }).from(sessions).where(eq(sessions.id, sessionId))
  return session
}

/** Whether the state of the account still fits the mail. */
function isStillWanted(
  { kind, recipient, sessionId }: MailRow,
  { email, emailVerified, pendingEmail, pendingSessionId, disabledAt, factorRecoveryAt }: UserRow,
) {
  // Other links work again when the operator enables the account, so they are mailed all the same.
  if (disabledAt && isRequestedKind(kind)) return false
  if (kind === 'email-verification') return email === recipient && !emailVerified
  if (kind === 'email-change') return pendingEmail === recipient
  if (kind === 'email-change-requested') {
    return pendingEmail !== null && (!pendingSessionId || pendingSessionId === sessionId)
  }
  if (kind === 'invitation') return email === recipient && !emailVerified && !disabledAt
  if (kind === 'password-reset') return email === recipient
  if (kind === 'factor-recovery') return email === recipient && factorRecoveryAt !== null && !disabledAt
  return true
}
