import { and, eq, isNull } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { type FactorRow, factors } from '../../db/schema/factors.ts'
import { endRecoveryCodes } from './recovery-codes.ts'

/** The condition of the factors that an account has, all or those of a kind. Removed ones do not count. */
export const isFactorOf = (userId: string, kind?: FactorRow['kind']) =>
  and(eq(factors.userId, userId), isNull(factors.removedAt), kind && eq(factors.kind, kind))

/** Deletes all factors of a locked account, removed ones too, with its recovery codes. */
export async function voidFactors(tx: Executor, userId: string) {
  await tx.delete(factors).where(eq(factors.userId, userId))
  await endRecoveryCodes(tx, userId)
}
