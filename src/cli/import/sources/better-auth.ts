import type postgres from 'postgres'
import { openDatabase } from './database.ts'
import { type ForeignUser, NO_DETAILS, type Source } from './source.ts'

const BATCH_SIZE = 1000

/**
 * Reads users from the tables `user` and `account` of a Better-Auth database, and changes nothing there. Columns
 * are in camel case if Better-Auth's own migrations created them, in snake case if its Drizzle schema did.
 */
export async function openBetterAuth(url: string): Promise<Source> {
  const { sql, close } = await openDatabase(url)
  try {
    const user = await readColumns(sql, 'user')
    const account = await readColumns(sql, 'account')
    const [counted] = await sql<{ count: number }[]>`select count(*)::int as count from "user"`
    return { ...createReaders(sql, user, account, counted?.count ?? 0), close }
  } catch (error) {
    await close()
    throw error
  }
}

type Columns = { has: (name: string) => boolean; getActualName: (name: string) => string }

async function readColumns(sql: postgres.Sql, table: string): Promise<Columns> {
  const rows = await sql<{ name: string }[]>`
    select attname as name from pg_attribute
    where attrelid = to_regclass(${`"${table}"`}) and attnum > 0 and not attisdropped`
  if (rows.length === 0) {
    throw new Error(
      `There is no table "${table}" in that database. Only Better-Auth databases with the default table names can be imported.`,
    )
  }
  const names = new Set(rows.map(({ name }) => name))
  const toSnakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  const findName = (name: string) => [name, toSnakeCase(name)].find((each) => names.has(each))
  return {
    has: (name) => findName(name) !== undefined,
    getActualName(name) {
      const found = findName(name)
      if (!found) throw new Error(`The table "${table}" in that database has no column ${name}.`)
      return found
    },
  }
}

function createReaders(sql: postgres.Sql, user: Columns, account: Columns, count: number) {
  let done = 0
  const quoteColumn = (columns: Columns, alias: string) => (name: string) =>
    sql`${sql(`${alias}.${columns.getActualName(name)}`)}`
  const [u, a] = [quoteColumn(user, 'u'), quoteColumn(account, 'a')]
  // Better-Auth stores times without a zone in UTC, and `extract(epoch)` also assumes UTC.
  const millis = (name: string) => sql`(extract(epoch from ${u(name)}) * 1000)::float8`
  const isTrue = (name: string) => (user.has(name) ? sql`coalesce(${u(name)}, false)` : sql`false`)
  const isBanned = user.has('banExpires')
    ? sql`${isTrue('banned')} and (${u('banExpires')} is null or ${u('banExpires')} > now())`
    : isTrue('banned')
  const isCredential = sql`${a('providerId')} = 'credential'`

  const rows = sql`
    select ${u('id')}::text as id, coalesce(${u('email')}, '') as email, ${u('name')} as name,
      coalesce(${u('emailVerified')}, false) as "emailVerified",
      ${millis('createdAt')} as "createdAt", ${millis('updatedAt')} as "updatedAt",
      ${isBanned} as banned, ${isTrue('twoFactorEnabled')} as "secondFactor",
      min(${a('password')}) filter (where ${isCredential}) as password,
      string_agg(distinct ${a('providerId')}, ' ') filter (where not (${isCredential})) as social
    from "user" u left join account a on ${a('userId')} = ${u('id')}
    group by ${u('id')}`

  return {
    system: 'better-auth',
    takesPasswordless: false,
    async *keys() {
      const keys = sql<{ id: string; email: string }[]>`
        select ${u('id')}::text as id, coalesce(${u('email')}, '') as email from "user" u`
      for await (const batch of keys.cursor(BATCH_SIZE)) yield batch
    },
    async *users(): AsyncGenerator<ForeignUser[]> {
      for await (const batch of rows.cursor(BATCH_SIZE)) {
        const found = batch as unknown as (Omit<ForeignUser, 'createdAt' | 'updatedAt'> & Times)[]
        yield found.map((row) => ({
          ...NO_DETAILS,
          ...row,
          createdAt: toDate(row.createdAt),
          updatedAt: toDate(row.updatedAt),
        }))
        done += batch.length
      }
    },
    progress: () => done / Math.max(1, count),
  }
}

type Times = { createdAt: number | null; updatedAt: number | null }

const toDate = (millis: number | null) => (millis === null ? null : new Date(millis))
