import { eq } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { challenges, factors, recoveryCodes } from '../../db/schema.ts'

/** Deletes all factors of a locked account, removed ones too, with its recovery codes and what waits for a proof. */
export async function voidFactors(tx: Executor, userId: string) {
  await tx.delete(challenges).where(eq(challenges.userId, userId))
  await tx.delete(factors).where(eq(factors.userId, userId))
  await tx.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId))
}
