import type postgres from 'postgres'
import { connect } from '../../../db/connection/connect.ts'
import { CommandError } from '../../support/command-error.ts'

/** What is read of an account at most. A page of accounts is in memory at once. */
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
     * @param rows a query whose rows have an `id`
     */
    async *readAccounts<Row>(rows: postgres.PendingQuery<never[]>): AsyncGenerator<Row[]> {
      const pages = sql<{ id: string; account: Row | null }[]>`
        select left(r.id, 100) as id,
          case when octet_length(r::text) <= ${MAX_ACCOUNT_BYTES} then to_jsonb(r) end as account from (${rows}) as r`
      for await (const page of pages.cursor(PAGE_ACCOUNTS)) {
        yield page.map(({ id, account }) => {
          if (account) return account
          throw new CommandError(`The account ${id} has more than ${MAX_ACCOUNT_BYTES} bytes.`)
        })
      }
    },

    async requireTable(name: string, hint: string) {
      if (!(await hasTable(name)))
        throw new CommandError(`There is no table ${name} in that database. ${hint}`)
    },
  }
}
