import { and, eq, gt, inArray, isNull, lte, or, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { secondsAgo } from '../../db/moments.ts'
import { type MailRow, mailOutbox } from '../../db/schema/mail-outbox.ts'
import { registrations, verifications } from '../../db/schema/mailed-tokens.ts'
import { places } from '../../db/schema/throttle.ts'
import type { UserRow } from '../../db/schema/users.ts'
import { createRandomId } from '../../db/uuid.ts'
import type { MailKind } from '../../mail/kinds.ts'
import type { RateLimit } from '../../settings/throttle.ts'
import type { Observer } from '../observer.ts'
import { isKnownPlace } from '../throttle/places.ts'
import { endOtherChanges, findEndOfChange, findLiveLink, findRegistration } from './live-links.ts'
import { type MailedTokens, TOKEN_PURPOSES } from './mailed-tokens.ts'

/**
 * The kinds that clients can ask for, each with those that count against the same limit. The mails to a pending address
 * count apart: otherwise strangers who ask to change to the address of an owner would use up the owner's mails.
 */
const COUNTED_KINDS: Partial<Record<string, MailKind[]>> = {
  'password-reset': ['password-reset', 'email-verification'],
  'email-verification': ['password-reset', 'email-verification'],
  'email-change': ['email-change'],
}

/** How often a known place gets the same link. */
const RESEND_SECONDS = 5 * 60

type Parts = {
  mailedTokens: MailedTokens
  /** How many of these mails a mailbox may get. Null if nothing is limited. */
  limit: RateLimit | null
  observer?: Observer | undefined
}

type NewLink = { id: string; row: MailRow; user: UserRow; registration: { id: string } | undefined }

export const isRequestedKind = (kind: string) => kind in COUNTED_KINDS

/**
 * Decides about the mails that clients ask for, with a floor instead of a ceiling: without a live link, a request always
 * sends one. While a link is live, it is sent again: to known places once in five minutes, to all others together once.
 * So a stranger who asks first only causes the mail that the owner wants.
 */
export function createRequestedLinks({ mailedTokens, limit, observer }: Parts) {
  /**
   * The caller has locked the user and the mail.
   * @returns the id from which the token of the link derives; null if the mail must not be sent
   */
  return async function chooseLink(tx: Executor, row: MailRow, user: UserRow): Promise<string | null> {
    const registration = await findRegistration(tx, row, user)
    const live = registration ? registration.isLive && registration : await findLiveLink(tx, row, user)
    if (row.tokenMade) {
      if (live) return live.id
      // A retry. If the link has expired or was used, the mail gets another one, never the same token again.
      return registration?.id === row.id
        ? null
        : storeLink(tx, { id: createRandomId(), row, user, registration })
    }
    if (limit && isLimited(row) && !(await takesFromLimit(tx, row, user, live, limit))) return null
    await tx.update(mailOutbox).set({ tokenMade: true }).where(eq(mailOutbox.id, row.id))
    return live ? live.id : storeLink(tx, { id: row.id, row, user, registration })
  }

  /** @returns whether the mail may be sent; if so, a link that is sent again is marked */
  async function takesFromLimit(
    tx: Executor,
    row: MailRow,
    user: UserRow,
    live: { id: string } | false | undefined,
    [max, seconds]: RateLimit,
  ) {
    // Links that are sent again use at most half, so that strangers leave room for the next new link.
    const count = await countMails(tx, { ...row, kinds: COUNTED_KINDS[row.kind] ?? [] }, seconds)
    const isOver = count >= (live ? Math.ceil(max / 2) : max)
    const isFull = count >= MAX_FACTOR * max
    if (isOver && (isFull || !(await mayExceedLimit(tx, row, user, live, seconds)))) {
      observer?.onLimitReached('linkMailPerMailbox')
      return false
    }
    return !live || markResent(tx, live.id, await isFromKnownPlace(tx, row, user))
  }

  async function storeLink(tx: Executor, { id, row, user, registration }: NewLink) {
    const purpose = TOKEN_PURPOSES[row.kind]
    if (!purpose) throw new TypeError(`A mail of the kind ${row.kind} carries no token`)
    const { recipient: value, createdAt, expiresAt } = row
    const link = { id, purpose, userId: user.id, value, sessionId: row.sessionId, createdAt, expiresAt }
    if (row.kind === 'email-change') {
      const end = await findEndOfChange(tx, user)
      if (!end) return null
      await endOtherChanges(tx, user)
      if (end < expiresAt) link.expiresAt = end
      link.sessionId = user.pendingSessionId ?? row.sessionId
    }
    // The id of a registration is that of its link.
    if (registration) await tx.update(registrations).set({ id }).where(eq(registrations.id, registration.id))
    await mailedTokens.store(tx, link)
    return id
  }
}

/**
 * Whether a client asked for the mail. A reset that names its user follows from a mailed link that the owner used, or an
 * administrator started it. An administrator also starts changes of address, which then have no session.
 */
const isLimited = ({ kind, userId, sessionId }: MailRow) =>
  kind === 'email-change' ? sessionId !== null : kind !== 'password-reset' || userId === null

/** A mailbox gets at most so many times its limit. */
const MAX_FACTOR = 8

/**
 * Whether the mail is sent above the limit. Otherwise strangers would keep a link from the owner: those who ask to change to the
 * new address of the owner, and those whose accounts take the address and leave it again, which uses up mails and ends links.
 */
async function mayExceedLimit(
  tx: Executor,
  row: MailRow,
  user: UserRow,
  live: { id: string } | false | undefined,
  seconds: number,
) {
  const { kind, userId } = row
  if (kind !== 'email-change') return kind === 'password-reset' && !user.emailVerified && !live
  return (await countMails(tx, { ...row, kinds: [kind] }, seconds, userId)) === 0
}

/** Counts the mails of some kinds that a mailbox got in this time, and those that wait for the mail server: all, or of one account. */
export async function countMails(
  tx: Executor,
  { recipient, kinds }: { recipient: string; kinds: string[] },
  seconds: number,
  ofUser: string | null = null,
) {
  const { status, tokenMade, nextAttemptAt } = mailOutbox
  const isSent = and(eq(status, 'SENT'), gt(nextAttemptAt, secondsAgo(seconds)))
  const isUnderWay = and(eq(status, 'PENDING'), eq(tokenMade, true))
  return tx.$count(
    mailOutbox,
    and(
      eq(mailOutbox.recipient, recipient),
      inArray(mailOutbox.kind, kinds),
      ofUser === null ? undefined : eq(mailOutbox.userId, ofUser),
      or(isSent, isUnderWay),
    ),
  )
}

async function isFromKnownPlace(tx: Executor, { network, device }: MailRow, { id }: UserRow) {
  const here = [network, device].filter((place) => place !== null)
  if (here.length === 0) return false
  const [known] = await tx
    .select({ place: places.place })
    .from(places)
    .where(and(eq(places.userId, id), inArray(places.place, here), isKnownPlace))
    .limit(1)
  return known !== undefined
}

/** Records that a link is sent again. Returns false if it was sent again too lately. */
async function markResent(tx: Executor, id: string, isKnown: boolean) {
  const { resentKnownAt, resentUnknownAt } = verifications
  const pause = secondsAgo(RESEND_SECONDS)
  const [marked] = await tx
    .update(verifications)
    .set(isKnown ? { resentKnownAt: sql`now()` } : { resentUnknownAt: sql`now()` })
    .where(
      and(
        eq(verifications.id, id),
        isKnown ? or(isNull(resentKnownAt), lte(resentKnownAt, pause)) : isNull(resentUnknownAt),
      ),
    )
    .returning({ id: verifications.id })
  return marked !== undefined
}
