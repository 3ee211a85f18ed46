import { and, eq, gt, ne, not, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { isUniqueViolation } from '../../db/fault-kinds.ts'
import { verifications } from '../../db/schema/mailed-tokens.ts'
import { users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { isUnprovenClaim } from './unproven-claim.ts'

/**
 * An undo token that is valid reserves the address for the account that had it before. No other account can take the
 * address until then, because that would break the link.
 */
export const isReservation = and(
  eq(verifications.purpose, 'EMAIL_CHANGE_UNDO'),
  gt(verifications.expiresAt, sql`now()`),
)

/** The account that an address is reserved for. */
export async function findReservation(executor: Executor, email: string, exceptUserId?: string) {
  const isOther = exceptUserId ? ne(verifications.userId, exceptUserId) : undefined
  const [reservation] = await executor
    .select({ userId: verifications.userId })
    .from(verifications)
    .where(and(eq(verifications.value, email), isReservation, isOther))
  return reservation
}

/**
 * Whether an address belongs to another account or is reserved for one.
 * @param by `PROOF` if the mailbox is proven before the account gets the address. Then an account that only claims it does not
 * count, and must be ended before.
 */
export async function isEmailTaken(executor: Executor, email: string, userId: string, by: 'CLAIM' | 'PROOF') {
  const counts = by === 'PROOF' ? not(sql`(${isUnprovenClaim})`) : undefined
  const [owner] = await executor
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.email, email), ne(users.id, userId), counts))
  // Both queries always run, so that the time does not reveal which one matched.
  const reservation = await findReservation(executor, email, userId)
  return owner !== undefined || reservation !== undefined
}

/** For the fault of a write: an address that was taken or reserved in the meantime violates the uniqueness of addresses. */
export function refuseTakenAddress(fault: unknown): never {
  throw isUniqueViolation(fault) ? new AuthError('EMAIL_TAKEN', { cause: fault }) : fault
}

/** If the address was taken in the meantime, throws `INVALID_TOKEN`: `EMAIL_TAKEN` would reveal another account. */
export function concealTakenAddress(fault: unknown): never {
  const isTaken = isUniqueViolation(fault) || (fault instanceof AuthError && fault.code === 'EMAIL_TAKEN')
  throw isTaken ? new AuthError('INVALID_TOKEN', { cause: fault }) : fault
}
