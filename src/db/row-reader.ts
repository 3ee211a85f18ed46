import { fillPlaceholders, type Query } from 'drizzle-orm'
import type { Db } from './client.ts'

/**
 * Prepares a statement that reads many rows. Drizzle looks up for each cell how to decode it, and makes several objects of
 * each row, which takes longer than the rest of a list. So rows are arrays, as the driver gives them: times and arrays are
 * the text of PostgreSQL.
 * @returns a function that takes the values of the placeholders
 */
export function prepareRows<Row extends unknown[]>(db: Db, statement: { toSQL(): Query }) {
  const { sql: text, params } = statement.toSQL()
  return async (values: Record<string, unknown>) => {
    const rows = await db.$client.unsafe(text, fillPlaceholders(params, values) as never[]).values()
    return rows as unknown as Row[]
  }
}
