import type postgres from 'postgres'
import { connect } from '../../../db/connection/connect.ts'
import { CommandError } from '../../support/command-error.ts'
import { toStorable } from './fields.ts'
import { type ForeignUser, NO_DETAILS, type Source } from './source.ts'

/** A larger account is left out. A page of accounts is in memory at once. */
const MAX_ACCOUNT_BYTES = 256 * 1024
const PAGE_ACCOUNTS = 250
const PAGE_KEYS = 1000

type Query = postgres.PendingQuery<never[]>

/** How to read the accounts of another system from its database. Rows of both queries have an `id` and an `email`. */
type Reader<Row> = Pick<Source, 'system' | 'takesPasswordless'> & {
  keys: Query
  rows: Query
  toUser: (row: Row) => ForeignUser | Promise<ForeignUser>
}

/** Opens the database of another system, and changes nothing there. */
export async function openDatabase<Row>(
  url: string,
  prepare: (sql: postgres.Sql) => Promise<Reader<Row>>,
): Promise<Source> {
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
    const { system, takesPasswordless, keys, rows, toUser } = await prepare(sql)
    const [counted] = await sql<{ count: number }[]>`select count(*)::int as count from (${keys}) as accounts`
    let done = 0
    return {
      system,
      takesPasswordless,
      async *keys() {
        const query = sql<{ id: string; email: string }[]>`select * from (${keys}) as accounts`
        for await (const page of query.cursor(PAGE_KEYS)) yield page
      },
      async *users() {
        for await (const page of readAccounts(sql, rows, toUser)) {
          yield page
          done += page.length
        }
      },
      progress: () => done / Math.max(1, counted?.count ?? 0),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Reads accounts page by page. The database measures each account, so that a large one never gets into memory. */
async function* readAccounts<Row>(
  sql: postgres.Sql,
  rows: Query,
  toUser: Reader<Row>['toUser'],
): AsyncGenerator<ForeignUser[]> {
  const pages = sql<{ id: string; email: string; account: Row | null }[]>`
    select left(r.id, 100) as id, left(r.email, 320) as email,
      case when octet_length(r::text) <= ${MAX_ACCOUNT_BYTES} then to_jsonb(r) end as account from (${rows}) as r`
  for await (const page of pages.cursor(PAGE_ACCOUNTS)) {
    yield await Promise.all(
      page.map(async ({ account, ...large }) =>
        account ? toUser(account) : { ...NO_DETAILS, ...large, isTooLarge: true },
      ),
    )
  }
}

export async function hasTable(sql: postgres.Sql, name: string) {
  const [row] = await sql`select to_regclass(${name}) is not null as found`
  return Boolean(row?.found)
}

export async function requireTable(sql: postgres.Sql, name: string, hint: string) {
  if (!(await hasTable(sql, name)))
    throw new CommandError(`There is no table ${name} in that database. ${hint}`)
}

/** A time in milliseconds since 1970, as queries read it. */
export const toDate = (millis: number | null) => (millis === null ? null : toStorable(millis))
