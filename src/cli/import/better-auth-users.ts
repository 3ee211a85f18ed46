import type postgres from 'postgres'
import type { ForeignAccount } from '../../auth/operator/account-import.ts'
import { connect } from '../../db/connection/connect.ts'

/** A user of Better-Auth, with the details that cannot be imported. */
export type BetterAuthUser = ForeignAccount & {
  /** The names of the social sign-in providers, separated by spaces. */
  social: string | null
  secondFactor: boolean
}

const BATCH_SIZE = 200

/**
 * Reads users from the tables `user` and `account` of a Better-Auth database, and changes nothing there. Columns
 * are in camel case if Better-Auth's own migrations created them, in snake case if its Drizzle schema did.
 */
export async function openBetterAuth(url: string) {
  const sql = connect(url, {
    schema: null,
    connectSeconds: 5,
    applicationName: 'servauth import',
    // The database may be slow. Reading may take any time.
    session: {
      default_transaction_read_only: 'on',
      statement_timeout: 0,
      lock_timeout: 0,
      idle_in_transaction_session_timeout: 0,
    },
  })
  const close = () => sql.end({ timeout: 1 })
  try {
    const user = await readColumns(sql, 'user')
    const account = await readColumns(sql, 'account')
    return { ...createReaders(sql, user, account), close }
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

function createReaders(sql: postgres.Sql, user: Columns, account: Columns) {
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
    async count() {
      const [row] = await sql<{ count: number }[]>`select count(*)::int as count from "user"`
      return row?.count ?? 0
    },
    /** All addresses in their original spelling. */
    async *addresses(): AsyncGenerator<string[]> {
      for await (const batch of sql<{ email: string }[]>`select email from "user"`.cursor(BATCH_SIZE)) {
        yield batch.map(({ email }) => email)
      }
    },
    async *users(): AsyncGenerator<BetterAuthUser[]> {
      for await (const batch of rows.cursor(BATCH_SIZE)) {
        yield (
          batch as unknown as (BetterAuthUser & { createdAt: number | null; updatedAt: number | null })[]
        ).map((row) => ({ ...row, createdAt: toDate(row.createdAt), updatedAt: toDate(row.updatedAt) }))
      }
    },
  }
}

const toDate = (millis: number | null) => (millis === null ? null : new Date(millis))
