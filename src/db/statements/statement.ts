import type { SQL } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import type { BoundedClient, Executor } from '../client.ts'
import { createParameters } from './parameters.ts'

const dialect = new PgDialect()

/** What Drizzle itself uses for a statement: the pool, or the connection of a transaction. */
type Session = { client: BoundedClient }

/**
 * A statement in plain SQL that runs often: its text is built once, and the driver gets it without Drizzle's steps for each
 * execution. Both take longer than all the rest of it in this process. Each execution gives the values of its placeholders.
 */
export function createStatement<Row extends Record<string, unknown>>(statement: SQL) {
  const { sql: text, params } = dialect.sqlToQuery(statement)
  const toParameters = createParameters(params)
  return (executor: Executor, values: Record<string, unknown>): Promise<Row[]> => {
    const { client } = executor._.session as unknown as Session
    return client.unsafe<Row>(text, toParameters(values)).start()
  }
}
