import { type Column, type SQL, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { Moment } from '../../contract/fields.ts'
import { MAX_COUNT } from '../../contract/outputs/page.ts'
import { Text } from '../../contract/text.ts'
import type { Db } from '../../db/client.ts'
import { invalid } from '../../errors.ts'

/** Where a page ends: in which part of the list, at which key, and at which row of that key. */
export type Position = { part: string; key: string; id: string }

const Positions = z.tuple([z.string(), Text, z.guid()])

/** Longer than any cursor: a key is an address or a name at most. All share it, because a new buffer for each takes longer. */
const written = Buffer.alloc(4096)

/** A cursor is opaque to clients. It says no more than its row. */
export function toCursor({ part, key, id }: Position) {
  const size = written.write(JSON.stringify([part, key, id]))
  return written.toString('base64url', 0, size)
}

/** @throws `INVALID_INPUT` for a cursor of another list */
export function fromCursor(cursor: string | undefined, parts: string[]): Position | undefined {
  if (cursor === undefined) return undefined
  const { data } = Positions.safeParse(parseJson(cursor))
  const [part = '', key = '', id = ''] = data ?? []
  if (data && parts.includes(part)) return { part, key, id }
  throw notOfThisList()
}

/** A moment as PostgreSQL wrote it, to the microsecond. @throws `INVALID_INPUT` */
export function assertMoment({ key }: Position) {
  if (/^-?infinity$/.test(key)) return key
  const [, day, time] = /^(\S{10}) (\S{8}(?:\.\d{1,6})?)\+00$/.exec(key) ?? []
  if (Moment.safeParse(`${day}T${time}Z`).success) return key
  throw notOfThisList()
}

/** The condition of the rows after a position, in a list with the newest first. @throws `INVALID_INPUT` */
export const isOlderThan = (position: Position | undefined, time: Column, id: Column) =>
  position && sql`(${time}, ${id}) < (${assertMoment(position)}::timestamptz, ${position.id}::uuid)`

export const notOfThisList = () => invalid('after', 'Must be the endCursor of a page of this list.')

function parseJson(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    return undefined
  }
}

/** Counts up to `MAX_COUNT`. @param values those of the placeholders of the condition */
export async function countRows(
  db: Db,
  table: PgTable,
  isCounted: SQL | undefined,
  values: Record<string, unknown> = {},
) {
  const some = db.select({ one: sql`1` }).from(table).where(isCounted).limit(MAX_COUNT)
  const counted = db.select({ total: sql<number>`count(*)::int` }).from(some.as('some'))
  const [row] = await counted.prepare('count').execute(values)
  return row?.total ?? null
}

type Edge<Node> = { cursor: string; node: Node }

/** A page of edges, of which one more was read than is shown. */
export function toPage<Node>(found: Edge<Node>[], first: number) {
  const edges = found.slice(0, first)
  return { edges, pageInfo: { hasNextPage: found.length > first, endCursor: edges.at(-1)?.cursor ?? null } }
}
