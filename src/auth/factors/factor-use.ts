import { type SQL, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { Executor } from '../../db/client.ts'
import type { UserRow } from '../../db/schema/users.ts'
import { createStatement } from '../../db/statements/statement.ts'

/** How a proven factor is used up, so that the same proof cannot count twice. */
export type FactorUse = {
  /**
   * Parts of the `with` list of the statement that needs the proof. The last is `used (id)`, which has a row only if the
   * proof still counts. `holder (id, can_recover)` is the locked account; without a row there, no factor may change. Each
   * kind of proof has one list, so that the text of the whole statement is built once.
   */
  uses: SQL[]
  /** The values of its placeholders. */
  values: Record<string, unknown>
  /** The authentication methods (RFC 8176). */
  amr: string[]
  /** Further work after the proof has counted, in the same transaction. */
  onUsed?: (
    tx: Executor,
    user: Pick<UserRow, 'id' | 'email'>,
    client: Client,
    sessionId: string,
  ) => Promise<void>
  /** Whether it stands in for lost factors, so that the session proves none. */
  isRecovery?: true
}

/** Uses a factor up in a transaction that has locked the account. @returns whether the proof counted */
export async function useFactor(tx: Executor, userId: string, { uses, values }: FactorUse) {
  const use = createStatement(sql`
    with ${sql.join([toHolder(userId), ...uses], sql`, `)} select from used`)
  return (await use(tx, values)).length > 0
}

const toHolder = (userId: string) => sql`holder as (select ${userId}::uuid as id, false as can_recover)`
