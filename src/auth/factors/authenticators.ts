import { type SQLWrapper, sql } from 'drizzle-orm'
import { factors } from '../../db/schema/factors.ts'
import { param } from '../../db/statements/parameters.ts'
import { createStatement } from '../../db/statements/statement.ts'

/** The authenticator apps of an account, with their encrypted keys. */
export type Authenticators = { id: string; secret: string }[]

/** The apps of an account as JSON, for the select list of a statement that has its id. Null if it has none. */
export const authenticatorsOf = (userId: SQLWrapper) => sql<Authenticators | null>`(
  select json_agg(json_build_object('id', authenticator.id, 'secret', authenticator.secret)) from ${factors} as authenticator
  where authenticator.user_id = ${userId} and authenticator.kind = 'TOTP' and authenticator.removed_at is null)`

/** The time of the database, by which codes are checked, in seconds. */
export const secondsOfDatabase = sql<number>`extract(epoch from now())::float8`

export const findAuthenticators = createStatement<{ authenticators: Authenticators | null; now: number }>(
  sql`select ${authenticatorsOf(sql`${param('userId')}::uuid`)} as authenticators, ${secondsOfDatabase} as now`,
)
