import { type SQL, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { factors, recoveryCodes } from '../../db/schema/factors.ts'
import type { FactorMethod } from '../../errors.ts'

const METHODS = [
  ['TOTP', 'totp'],
  ['PASSKEY', 'passkey'],
  ['RECOVERY_CODE', 'recoveryCode'],
] as const

/** Which methods an account has, for the select list of a statement that has its id. `toMethods` reads it. */
export const methodsOf = (userId: SQL) => sql<string>`concat_ws(' ',
  (select string_agg(distinct kind::text, ' ') from ${factors} where user_id = ${userId} and removed_at is null),
  (select 'RECOVERY_CODE' from ${recoveryCodes} where user_id = ${userId} limit 1))`

export function toMethods(kinds = ''): FactorMethod[] {
  const found = kinds.split(' ')
  return METHODS.filter(([kind]) => found.includes(kind)).map(([, method]) => method)
}

/** The ways in which an account can prove a factor. */
export async function findMethods(executor: Executor, userId: string) {
  const [row] = await executor.execute<{ methods: string }>(
    sql`select ${methodsOf(sql`${userId}::uuid`)} as methods`,
  )
  return toMethods(row?.methods)
}
