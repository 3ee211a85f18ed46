import { and, asc, eq, sql } from 'drizzle-orm'
import { type Caller, viewerOf } from '../../contract/caller.ts'
import { requireRowId } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import { toFactor } from '../../contract/outputs/factors.ts'
import type { Executor } from '../../db/client.ts'
import { factors } from '../../db/schema/factors.ts'
import type { UserRow } from '../../db/schema/users.ts'
import { AuthError, invalid, NO_FACTOR } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { changeFactors } from './factor-change.ts'
import { replaceRecoveryCodes } from './recovery-codes.ts'
import { createRemovalUndo } from './removal-undo.ts'
import { isFactorOf } from './stored-factors.ts'

/** Lists and removes the signed-in user's own factors, and replaces the recovery codes. */
export function createOwnFactors(dependencies: Dependencies) {
  const { db, requiredFactor } = dependencies

  return {
    async factors(_input: undefined, caller: Caller) {
      const { user } = await viewerOf(caller)
      const rows = await db.select().from(factors).where(isFactorOf(user.id)).orderBy(asc(factors.createdAt))
      return rows.map(toFactor)
    },

    /** The row stays while the mailed link can bring the factor back. @throws `NOT_FOUND` for any other id */
    removeFactor({ id }: InputOf<'removeFactor'>, caller: Caller) {
      const change = { event: 'factor_removed', notice: 'factor-removed' } as const
      return changeFactors(dependencies, caller, change, async (tx, user) => {
        requireRowId(id)
        const removed = await tx
          .update(factors)
          .set({ removedAt: sql`now()` })
          .where(and(eq(factors.id, id), isFactorOf(user.id)))
          .returning({ id: factors.id })
        if (removed.length === 0) throw new AuthError('NOT_FOUND')
        await refuseLast(tx, user)
        return true
      })
    },

    renewRecoveryCodes(_input: undefined, caller: Caller) {
      const change = { event: 'recovery_codes_renewed', notice: 'recovery-codes-renewed' } as const
      return changeFactors(dependencies, caller, change, async (tx, user) => {
        if (!user.secondFactorAt) throw new AuthError('NOT_FOUND', { detail: NO_FACTOR })
        return { codes: await replaceRecoveryCodes(tx, user.id) }
      })
    },

    undoFactorChange: createRemovalUndo(dependencies),
  }

  /** @throws `INVALID_INPUT` if the account would have no way in, or not what this server requires */
  async function refuseLast(tx: Executor, { id, passwordLockedAt }: UserRow) {
    const left = await tx.select().from(factors).where(isFactorOf(id))
    if (requiredFactor.isRequired && left.length === 0) {
      throw invalid('id', 'Is the last factor, and this server requires one.')
    }
    // An app, and a passkey that needs the password, sign in beside the password only.
    const signsInAlone = left.some(({ kind, needsPassword }) => kind === 'PASSKEY' && !needsPassword)
    if (passwordLockedAt && !signsInAlone) throw invalid('id', 'Is the last way in. Set a password first.')
  }
}
