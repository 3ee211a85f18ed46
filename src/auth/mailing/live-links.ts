import { and, desc, eq, gt, ne, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { type MailRow, mailOutbox } from '../../db/schema/mail-outbox.ts'
import { registrations, verifications } from '../../db/schema/mailed-tokens.ts'
import type { UserRow } from '../../db/schema/users.ts'
import { TOKEN_PURPOSES } from './mailed-tokens.ts'

/** The links of an account that a mail sends again, follows or replaces. */

/** How many registrations of an address are looked at, so that strangers who add more cannot make it slow. */
const MAX_CANDIDATES = 1000

/** The registration of a mail: its own, or else preferably one of the same place, and one with a live link. */
export async function findRegistration(tx: Executor, row: MailRow, user: UserRow) {
  if (row.kind !== 'email-verification') return undefined
  const isLive = sql<boolean>`${verifications.id} is not null`
  const { id, userId, createdAt } = registrations
  const newest = tx
    .select({ id, createdAt })
    .from(registrations)
    .where(eq(userId, user.id))
    .orderBy(desc(createdAt))
    .limit(MAX_CANDIDATES)
    .as('newest')
  const [registration] = await tx
    .select({ id: newest.id, isLive })
    .from(newest)
    .leftJoin(mailOutbox, eq(mailOutbox.id, newest.id))
    .leftJoin(verifications, and(eq(verifications.id, newest.id), gt(verifications.expiresAt, sql`now()`)))
    // Not those of an address that the account has left.
    .where(eq(sql`coalesce(${mailOutbox.recipient}, ${user.email})`, user.email))
    .orderBy(desc(eq(newest.id, row.id)), ...samePlaceFirst(row), desc(isLive), desc(newest.createdAt))
    .limit(1)
  return registration
}

/** The live link of the account that a mail can send again, preferably one that the same place caused. */
export async function findLiveLink(tx: Executor, row: MailRow, user: UserRow) {
  const { id, purpose, value, userId, sessionId, expiresAt, createdAt } = verifications
  const isOfChange =
    row.kind === 'email-change' && user.pendingSessionId ? eq(sessionId, user.pendingSessionId) : undefined
  const [live] = await tx
    .select({ id })
    .from(verifications)
    .leftJoin(mailOutbox, eq(mailOutbox.id, id))
    .where(
      and(
        eq(userId, user.id),
        eq(purpose, TOKEN_PURPOSES[row.kind] ?? 'EMAIL_VERIFICATION'),
        eq(value, row.recipient),
        gt(expiresAt, sql`now()`),
        isOfChange,
      ),
    )
    .orderBy(...samePlaceFirst(row), desc(createdAt))
    .limit(1)
  return live
}

/** Sorts what comes from the browser of a mail first, then what comes from its network. */
const samePlaceFirst = ({ device, network }: MailRow) => [
  desc(sql`coalesce(${mailOutbox.device} = ${device}, false)`),
  desc(sql`coalesce(${mailOutbox.network} = ${network}, false)`),
]

/** When the last link that cancels the pending change expires. No link that confirms the change may outlive it. */
export async function findEndOfChange(tx: Executor, { id }: UserRow) {
  const { userId, purpose, expiresAt } = verifications
  const [cancel] = await tx
    .select({ expiresAt })
    .from(verifications)
    .where(and(eq(userId, id), eq(purpose, 'EMAIL_CHANGE_CANCEL'), gt(expiresAt, sql`now()`)))
    .orderBy(desc(expiresAt))
    .limit(1)
  return cancel?.expiresAt
}

/** Ends the links of pending changes that this one replaces. */
export async function endOtherChanges(tx: Executor, { id, email }: UserRow) {
  const isOfChange = and(eq(verifications.purpose, 'EMAIL_VERIFICATION'), ne(verifications.value, email))
  await tx.delete(verifications).where(and(eq(verifications.userId, id), isOfChange))
}
