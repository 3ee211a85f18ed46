import type { Sql } from 'postgres'
import { DEFAULT_POOL_SIZE } from '../../settings/database.ts'
import type { DatabaseSettings } from '../connection/connect.ts'

/** Each process opens its pool, one connection that listens, and another one for short checks. */
const CONNECTIONS_BESIDE_POOL = 2

/** Says if the role, the database or the server allows fewer connections than this server may open. */
export async function findConnectionLimit(
  sql: Sql,
  { DATABASE_POOL_SIZE = DEFAULT_POOL_SIZE, WORKERS = 1 }: DatabaseSettings,
) {
  const needed = WORKERS * (DATABASE_POOL_SIZE + CONNECTIONS_BESIDE_POOL)
  const [row] = await sql.unsafe(`
    select limits.* from (
      select 'The CONNECTION LIMIT of the role "' || session_user || '"' as name, rolconnlimit as max
        from pg_catalog.pg_roles where rolname = session_user and not rolsuper
      union all select 'The CONNECTION LIMIT of the database', datconnlimit
        from pg_catalog.pg_database where datname = pg_catalog.current_database()
      union all select 'max_connections', pg_catalog.current_setting('max_connections')::int
          - pg_catalog.current_setting('superuser_reserved_connections')::int
    ) as limits where max >= 0 order by max limit 1`)
  if (!row || row.max >= needed) return undefined
  return {
    summary: `${row.name} allows ${row.max} connections, and the server may open ${needed}`,
    advice: `Raise it, or lower DATABASE_POOL_SIZE, which is ${DATABASE_POOL_SIZE}: each process opens that many and ${CONNECTIONS_BESIDE_POOL} more.`,
  }
}
