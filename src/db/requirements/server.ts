import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { DatabaseFault, NEEDS_SESSION_MODE } from '../database-fault.ts'

const MIN_MAJOR_VERSION = 15

/** A setting that other programs do not use, to recognise a session. */
const MARK = 'servauth.mark'

/**
 * Asserts that a server can be used; it does not look at tables. The statements have no parameters, which would need
 * another round trip, and are not prepared, because a pooler may lose prepared statements.
 * @param other a second connection, to check that each has a session of its own
 * @throws DatabaseFault
 */
export async function assertUsableServer(sql: Sql, other: Sql) {
  const mark = randomUUID()
  const [[server]] = await Promise.all([
    sql.unsafe(`
      select pg_catalog.set_config('${MARK}', '${mark}', false),
        pg_catalog.current_setting('server_version') as version,
        pg_catalog.current_setting('server_version_num')::int / 10000 as major,
        pg_catalog.current_setting('server_encoding') as encoding,
        pg_catalog.current_setting('session_replication_role') as triggers,
        pg_catalog.current_setting('transaction_read_only') as "readOnly",
        pg_catalog.pg_is_in_recovery() as standby,
        current_user as role, pg_catalog.current_database() as database`),
    other.unsafe('select 1'),
  ])
  await assertOwnSessions(sql, other, mark)
  if (!server) throw new TypeError('The server did not describe itself')
  const { version, major, encoding, triggers, readOnly, standby, role, database } = server
  const name = `PostgreSQL ${String(version).split(' ')[0]}`
  if (major < MIN_MAJOR_VERSION) {
    throw new DatabaseFault(`${name} is too old`, `Upgrade it to ${MIN_MAJOR_VERSION} or later.`)
  }
  if (encoding !== 'UTF8') {
    throw new DatabaseFault(
      `The database "${database}" has the encoding ${encoding}, which cannot represent every name`,
      `Create one with UTF8: createdb --encoding=UTF8 --template=template0 ${database}_utf8, and name it in DATABASE_URL.`,
    )
  }
  if (standby) {
    throw new DatabaseFault(`${name} is a standby and accepts no writes`, 'Name the primary in DATABASE_URL.')
  }
  if (readOnly === 'on') {
    throw new DatabaseFault(
      `The database "${database}" accepts no writes: default_transaction_read_only is on`,
      `Switch it off where it was set: alter database, alter role "${role}", or postgresql.conf.`,
    )
  }
  if (triggers !== 'origin') {
    throw new DatabaseFault(
      `Triggers do not run: session_replication_role is ${triggers}`,
      `Reset it where it was set: alter database, alter role "${role}", or postgresql.conf.`,
    )
  }
}

/** Settings, prepared statements and LISTEN belong to a session, so each connection needs one of its own. */
async function assertOwnSessions(sql: Sql, other: Sql, mark: string) {
  // A pooler may choose the session that was used last, or the next in turn. This order finds out both.
  for (const connection of [other, sql, sql, other]) {
    const [row] = await connection.unsafe(`select pg_catalog.current_setting('${MARK}', true) as mark`)
    if ((row?.mark === mark) === (connection === sql)) continue
    // Another client may get a session with Servauth's settings next.
    await Promise.all([sql.unsafe('reset all'), other.unsafe('reset all')])
    throw new DatabaseFault('Connections have no session of their own', NEEDS_SESSION_MODE)
  }
}
