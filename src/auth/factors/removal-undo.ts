import { and, eq, gt, gte, sql } from 'drizzle-orm'
import type { Caller } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import type { Executor } from '../../db/client.ts'
import { factors, recoveryCodes } from '../../db/schema/factors.ts'
import { AuthError } from '../../errors.ts'
import { recoverAccount } from '../account/recovery.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import type { TokenPurpose } from '../mailing/mailed-tokens.ts'

/**
 * Restores a removed factor, by the link of the notice. The client that removed it had the password and a factor, so this
 * also recovers the account: sessions end and the password is locked. A factor that is newer than a sign-in that the owner can
 * still report stays void, because it may be the taker's.
 */
export function createRemovalUndo(dependencies: Dependencies) {
  const { redeemToken, throttle } = dependencies

  return async function undoFactorChange({ token }: InputOf<'undoFactorChange'>, caller: Caller) {
    const { client } = caller
    await throttle.countMailedToken(token, client)
    const purposes: TokenPurpose[] = ['FACTOR_REMOVAL_UNDO']
    const deviceToken = await redeemToken(token, purposes, async (tx, user, { value: email, createdAt }) => {
      // After a change of address the undo link of the old mailbox comes first.
      if (user.email !== email) throw new AuthError('INVALID_TOKEN')
      // Otherwise an old link would void newer factors and bring none back.
      const isRemoved = and(eq(factors.userId, user.id), gte(factors.removedAt, createdAt))
      if ((await tx.$count(factors, isRemoved)) === 0) throw new AuthError('INVALID_TOKEN')
      await voidNewerThanRestored(tx, user.id, createdAt)
      const recovery = { user, email, passwordHash: undefined, since: createdAt, client }
      await recordEvent(tx, 'factor_change_undone', user.id, client)
      return recoverAccount(tx, dependencies, recovery)
    })
    caller.keepDevice(deviceToken)
    return true
  }
}

/**
 * A taker who could remove a factor may have added factors or recovery codes before. So everything that is newer than the
 * oldest restored factor becomes void.
 */
async function voidNewerThanRestored(tx: Executor, userId: string, removedSince: Date) {
  // Compared in the database, whose times are finer than those of JavaScript.
  const first = sql`(select min(created_at) from ${factors} where user_id = ${userId} and removed_at >= ${removedSince.toISOString()})`
  await tx
    .delete(recoveryCodes)
    .where(and(eq(recoveryCodes.userId, userId), gt(recoveryCodes.createdAt, first)))
  await tx.delete(factors).where(and(eq(factors.userId, userId), gt(factors.createdAt, first)))
}
