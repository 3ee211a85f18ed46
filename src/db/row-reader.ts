import { fillPlaceholders, is, type Query } from 'drizzle-orm'
import { PgArray, PgTimestamp } from 'drizzle-orm/pg-core'
import type { Db } from './client.ts'

/** A statement of Drizzle that reads columns under their names. */
type Select<Result> = {
  _: { selectedFields: Record<string, unknown>; result: Result }
  toSQL(): Query
}

/** The same row with its times as `Date.toISOString` writes them. */
export type RowWithTexts<Row> = {
  [Name in keyof Row]: Exclude<Row[Name], Date> | (Date extends Row[Name] ? string : never)
}

/**
 * Prepares a statement that reads a list. Drizzle builds its statement again for each request, looks up for each cell how
 * to decode it, and makes a Date of each time, which the answer makes a text again. That takes longer than the rest of a
 * list. Here it is decided once for each column, and times stay texts.
 * @returns a function that takes the values of the placeholders
 */
export function prepareRows<Row extends object>(db: Db, statement: Select<Row[]>) {
  const { sql: text, params } = statement.toSQL()
  const columns = Object.entries(statement._.selectedFields).map(([name, column]) => ({
    name,
    read: readerOf(column),
  }))
  // A copy of an object with all fields takes half the time of an object that gets one after the other.
  const blank: Record<string, unknown> = Object.fromEntries(columns.map(({ name }) => [name, null]))

  function toRow(cells: unknown[]) {
    const row = { ...blank }
    for (let index = 0; index < columns.length; index++) {
      const cell = cells[index]
      const { name, read } = columns[index] as (typeof columns)[number]
      row[name] = read && cell !== null ? read(cell as string) : cell
    }
    return row as RowWithTexts<Row>
  }

  return async (values: Record<string, unknown>) => {
    const rows: unknown[][] = await db.$client
      .unsafe(text, fillPlaceholders(params, values) as never[])
      .values()
    return rows.map(toRow)
  }
}

/** How the text of a cell is read; undefined if it is the value, as the driver gives it. */
function readerOf(column: unknown): ((text: string) => unknown) | undefined {
  if (is(column, PgTimestamp)) return toIsoTime
  // Most arrays have no quotes (PostgreSQL, section 8.15.6), and many are empty.
  if (is(column, PgArray)) {
    return (text) =>
      text === '{}' ? [] : /["\\]/.test(text) ? column.mapFromDriverValue(text) : text.slice(1, -1).split(',')
  }
  return undefined
}

/** A time as PostgreSQL writes it in UTC, to the millisecond: most have six digits of a second. */
export function toIsoTime(text: string) {
  const isUsual = text.length === 29 && text.endsWith('+00')
  return isUsual ? `${text.slice(0, 10)}T${text.slice(11, 23)}Z` : new Date(text).toISOString()
}
