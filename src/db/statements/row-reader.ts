import { Column, is, type Query, SQL } from 'drizzle-orm'
import { PgArray, PgTimestamp } from 'drizzle-orm/pg-core'
import type { BoundedClient, Db } from '../client.ts'
import { createParameters } from './parameters.ts'
import { toIsoText } from './time-text.ts'

/** Columns under their names, or under the name of an object that has them. */
type Fields = Record<string, unknown>

/** A statement of Drizzle that reads these columns. */
type Select<Result> = { _: { selectedFields: Fields; result: Result }; toSQL(): Query }

/** The same value with its times as `Date.toISOString` writes them. */
export type WithTexts<Value> = Value extends Date
  ? string
  : Value extends unknown[]
    ? Value
    : Value extends object
      ? { [Name in keyof Value]: WithTexts<Value[Name]> }
      : Value

/** What the driver knows of a column: how it reads a value of this type, if that is not the text. */
type DriverColumn = { parser?: (text: string) => unknown }
/** The patched driver calls it with each message `DataRow` (PostgreSQL, section 54.7). */
type RowReader = (message: Buffer, columns: DriverColumn[]) => unknown

/**
 * Prepares a statement that runs often or reads a list. Drizzle looks up for each cell how to decode it, and makes a Date
 * of each time, which the answer makes a text again. That takes longer than the rest of a list. Here it is decided once
 * for each column, and times stay texts.
 *
 * @param isShort whether it always ends soon: it reads few rows by an index and waits for no lock. Those that start in one
 * turn of the event loop then share a connection and a packet.
 * @returns a function that takes the values of the placeholders
 */
export function prepareRows<Row extends object>(db: Db, statement: Select<Row[]>, { isShort = false } = {}) {
  const { sql: text, params } = statement.toSQL()
  const toParameters = createParameters(params)
  const readRow = createRowReader(statement._.selectedFields)
  const client = db.$client as unknown as BoundedClient
  return (values: Record<string, unknown>) =>
    client.unsafe<WithTexts<Row>>(text, toParameters(values), { readRow, isShort }).start()
}

/** Before the cells: the type of the message, its length, and how many cells it has. */
const HEADER_BYTES = 7
const LENGTH_BYTES = 4

/** Reads a row. It decodes all cells at once and cuts the text, which takes half the time of decoding each. */
function createRowReader(fields: Fields): RowReader {
  const kinds: unknown[] = []
  const toRow = createShape(fields, kinds)
  const areTimes = kinds.map((kind) => is(kind, PgTimestamp))
  const readers = kinds.map(readerOf)
  // Each row uses them again. A cell that is null ends at 0.
  const starts = kinds.map(() => 0)
  const ends = kinds.map(() => 0)
  const cells = kinds.map((): unknown => null)

  /** Finds the cells, and clears their lengths: what is not ASCII then is in a value. */
  function split(message: Buffer) {
    let at = HEADER_BYTES
    for (let index = 0; index < kinds.length; index++) {
      const length = message.readInt32BE(at)
      message.writeInt32BE(0, at)
      const start = at + LENGTH_BYTES
      at = start + Math.max(length, 0)
      starts[index] = start
      ends[index] = length < 0 ? 0 : areTimes[index] ? writeIsoTime(message, start, at) : at
    }
    return at
  }

  return (message, columns) => {
    const size = split(message)
    const text = message.toString('utf8', HEADER_BYTES, size)
    // Otherwise a position in the text is not that in the message.
    const isAscii = text.length === size - HEADER_BYTES
    for (let index = 0; index < kinds.length; index++) {
      const start = starts[index] as number
      const end = ends[index] as number
      if (end === 0) {
        cells[index] = null
        continue
      }
      const cell = isAscii
        ? text.slice(start - HEADER_BYTES, end - HEADER_BYTES)
        : message.toString('utf8', start, end)
      const read = readers[index] ?? columns[index]?.parser
      cells[index] = read ? read(cell) : cell
    }
    return toRow(cells)
  }
}

/** Adds the columns to `kinds`, in the order of Drizzle. @returns a function that makes the object of the cells of all columns */
function createShape(fields: Fields, kinds: unknown[]) {
  const columns: { name: string; index: number }[] = []
  const objects: { name: string; toObject: (cells: unknown[]) => unknown }[] = []
  for (const [name, field] of Object.entries(fields)) {
    const kind = is(field, SQL.Aliased) ? decoderOf(field.sql) : field
    if (is(kind, Column) || is(kind, SQL) || is(field, SQL.Aliased))
      columns.push({ name, index: kinds.push(kind) - 1 })
    else objects.push({ name, toObject: createShape(field as Fields, kinds) })
  }
  // A copy of an object with all fields takes half the time of an object that gets one after the other.
  const blank: Fields = Object.fromEntries(Object.keys(fields).map((name) => [name, null]))
  return (cells: unknown[]): Fields => {
    const object = { ...blank }
    for (const { name, index } of columns) object[name] = cells[index]
    for (const { name, toObject } of objects) object[name] = toObject(cells)
    return object
  }
}

/** The column as which `mapWith` lets an expression be read. Drizzle does not declare it. */
const decoderOf = (expression: SQL) => (expression as unknown as { decoder: unknown }).decoder

const [SPACE, PLUS, T, Z] = [0x20, 0x2b, 0x54, 0x5a]

/**
 * Writes the form of ISO 8601, to the millisecond, into a time of PostgreSQL in UTC with six digits of a second, as most have.
 * @returns where the time ends
 */
function writeIsoTime(message: Buffer, start: number, end: number) {
  if (end - start !== 29 || message[start + 10] !== SPACE || message[start + 26] !== PLUS) return end
  message[start + 10] = T
  message[start + 23] = Z
  return start + 24
}

/** How the text of a cell is read; undefined if it is read as the driver does. */
function readerOf(kind: unknown): ((text: string) => unknown) | undefined {
  if (is(kind, PgTimestamp)) return toIsoTime
  // Most arrays have no quotes (PostgreSQL, section 8.15.6), and many are empty.
  if (is(kind, PgArray)) {
    return (text) =>
      text === '{}' ? [] : /["\\]/.test(text) ? kind.mapFromDriverValue(text) : text.slice(1, -1).split(',')
  }
  return undefined
}

/** A time that may have another number of digits than most. */
const toIsoTime = (text: string) => (text.endsWith('Z') ? text : new Date(toIsoText(text)).toISOString())
