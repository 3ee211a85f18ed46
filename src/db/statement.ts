import type { SQL } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import type { Executor } from './client.ts'

const dialect = new PgDialect()

/**
 * A statement in plain SQL that runs often: its text is built once, which takes longer than all the rest of its execution in
 * this process. Each execution gives the values of its placeholders.
 */
export function createStatement<Row extends Record<string, unknown>>(statement: SQL) {
  const query = dialect.sqlToQuery(statement)
  return (executor: Executor, values: Record<string, unknown>): Promise<Row[]> =>
    executor._.session
      .prepareQuery<{ execute: Row[]; all: never; values: never }>(query, undefined, undefined, false)
      .execute(values)
}
