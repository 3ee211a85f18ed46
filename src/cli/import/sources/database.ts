import type postgres from 'postgres'
import { connect } from '../../../db/connection/connect.ts'
import { CommandError } from '../../support/command-error.ts'
import { type ForeignUser, NO_DETAILS } from './source.ts'

/** A larger account is left out. A page of accounts is in memory at once. */
const MAX_ACCOUNT_BYTES = 256 * 1024
const PAGE_ACCOUNTS = 250

/** Opens the database of another system, and changes nothing there. */
export async function openDatabase(url: string) {
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
  async function hasTable(name: string) {
    const [row] = await sql`select to_regclass(${name}) is not null as found`
    return Boolean(row?.found)
  }
  return {
    sql,
    close: () => sql.end({ timeout: 1 }),
    hasTable,

    /**
     * Reads accounts page by page. The database measures each account, so that a large one never gets into memory.
     * @param rows a query whose rows have an `id` and an `email`
     */
    async *readAccounts<Row>(
      rows: postgres.PendingQuery<never[]>,
      toUser: (row: Row) => ForeignUser | Promise<ForeignUser>,
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
    },

    async requireTable(name: string, hint: string) {
      if (!(await hasTable(name)))
        throw new CommandError(`There is no table ${name} in that database. ${hint}`)
    },
  }
}
