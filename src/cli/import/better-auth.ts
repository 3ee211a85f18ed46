import postgres from 'postgres'
import type { ForeignAccount } from '../../auth/operator/import.ts'

/** A user of Better-Auth, with what has no place here. */
export type BetterAuthUser = ForeignAccount & {
  /** The other ways in, by the names of their providers. */
  social: string | null
  secondFactor: boolean
}

const BATCH = 200

/**
 * Reads the users of a Better-Auth database, in its default tables `user` and `account`, whose columns its own
 * migrations write in camel case and its Drizzle schemas in snake case. It changes nothing there.
 */
export async function openBetterAuth(url: string) {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: 5,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: 'servauth import', default_transaction_read_only: true },
  })
  const close = () => sql.end({ timeout: 1 })
  try {
    const user = await columnsOf(sql, 'user')
    const account = await columnsOf(sql, 'account')
    return { ...readers(sql, user, account), close }
  } catch (fault) {
    await close()
    throw fault
  }
}

type Columns = { has: (name: string) => boolean; spelled: (name: string) => string }

async function columnsOf(sql: postgres.Sql, table: string): Promise<Columns> {
  const rows = await sql<{ name: string }[]>`
    select attname as name from pg_attribute
    where attrelid = to_regclass(${`"${table}"`}) and attnum > 0 and not attisdropped`
  if (rows.length === 0) {
    throw new Error(
      `There is no table "${table}" in that database, so it is not one of Better-Auth with its default names.`,
    )
  }
  const names = new Set(rows.map(({ name }) => name))
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  const find = (name: string) => [name, snake(name)].find((each) => names.has(each))
  return {
    has: (name) => find(name) !== undefined,
    spelled(name) {
      const found = find(name)
      if (!found) throw new Error(`The table "${table}" in that database has no column ${name}.`)
      return found
    },
  }
}

function readers(sql: postgres.Sql, user: Columns, account: Columns) {
  const of = (columns: Columns, alias: string) => (name: string) =>
    sql`${sql(`${alias}.${columns.spelled(name)}`)}`
  const [u, a] = [of(user, 'u'), of(account, 'a')]
  /** A time without a zone is in UTC, which is what the epoch takes it for. */
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
    /** Every address as it is written there. */
    async *addresses(): AsyncGenerator<string[]> {
      for await (const batch of sql<{ email: string }[]>`select email from "user"`.cursor(BATCH)) {
        yield batch.map(({ email }) => email)
      }
    },
    async *users(): AsyncGenerator<BetterAuthUser[]> {
      for await (const batch of rows.cursor(BATCH)) {
        yield (
          batch as unknown as (BetterAuthUser & { createdAt: number | null; updatedAt: number | null })[]
        ).map((row) => ({ ...row, createdAt: asDate(row.createdAt), updatedAt: asDate(row.updatedAt) }))
      }
    },
  }
}

const asDate = (millis: number | null) => (millis === null ? null : new Date(millis))
