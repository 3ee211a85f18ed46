import { connect } from '../../../db/connection/connect.ts'
import { CommandError } from '../../support/command-error.ts'

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
    async requireTable(name: string, hint: string) {
      if (!(await hasTable(name)))
        throw new CommandError(`There is no table ${name} in that database. ${hint}`)
    },
  }
}
