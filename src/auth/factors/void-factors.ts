import { eq } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { factors, recoveryCodes } from '../../db/schema/factors.ts'

/** Deletes all factors of a locked account, removed ones too, with its recovery codes. */
export async function voidFactors(tx: Executor, userId: string) {
  await tx.delete(factors).where(eq(factors.userId, userId))
  await tx.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId))
}
