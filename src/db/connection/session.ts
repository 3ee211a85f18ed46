import type { OwnSetting } from '../../libpq/options.ts'
import { DATABASE_LIMITS as LIMITS } from '../limits.ts'

/**
 * The settings of every session that change what Servauth reads and writes or how long it waits, so that it does not
 * depend on defaults. Settings that only change speed are the operator's, and so is `default_transaction_read_only`, which
 * protects a database from writes.
 */
const SETTINGS: Record<Exclude<OwnSetting, 'synchronous_commit'>, string | number> = {
  statement_timeout: LIMITS.statementMs,
  lock_timeout: LIMITS.lockMs,
  idle_in_transaction_session_timeout: LIMITS.callMs,
  idle_session_timeout: 0,
  transaction_timeout: 0,
  exit_on_error: 'off',

  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: 1,

  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  row_security: 'on',
  jit: 'off',
  default_table_access_method: 'heap',
  check_function_bodies: 'on',
  client_min_messages: 'notice',
  // `quote_ident` decides whether the functions still name their schema.
  quote_all_identifiers: 'off',
  // Keeps values out of the server's log.
  log_parameter_max_length_on_error: 0,
}

/** Settings of a connection that needs other values, such as one that migrates. */
export type SessionSettings = Partial<Record<OwnSetting, number>> & {
  default_transaction_read_only?: 'on'
  tcp_keepalives_idle?: number
  tcp_keepalives_interval?: number
  tcp_keepalives_count?: number
}

type Session = {
  settings: SessionSettings
  /** Further settings, from `options` in the connection string. */
  others: Record<string, string>
  /** The schema of the tables; undefined for the search path, null for a database of another program. */
  schema: string | undefined | null
  searchPath: string | undefined
  /** Whether several hosts may be the primary, so that their timelines are compared. */
  hasSeveralHosts: boolean
}

export const JOURNAL = 'servauth_migrations'
/** A table that existed before the journal, with a name that other programs rarely use. */
const EARLIER_TABLE = 'mail_outbox'

/**
 * The statements that set up a session in one round trip. They are no startup parameters, because a pooler refuses or
 * drops those. The transaction sets its own isolation level, because the default one might wait for others.
 */
export function createSessionStatements({ settings, others, schema, searchPath, hasSeveralHosts }: Session) {
  const { statement_timeout, ...own } = { ...SETTINGS, ...settings }
  const setOwn = Object.entries(own).map(([name, value]) => setIfKnown(name, quoteText(String(value))))
  // The operator asks for these, so they must exist.
  const setOthers = Object.entries(others).map(
    ([name, value]) => `pg_catalog.set_config(${quoteText(name)}, ${quoteText(value)}, false)`,
  )
  return [
    'start transaction isolation level read committed, not deferrable',
    // First, because a default of a millisecond would end the other statements.
    `set statement_timeout to ${statement_timeout}`,
    `select ${[...setOwn, setDurability(), ...setOthers].join(', ')}`,
    ...createPathStatements(schema, searchPath),
    `select pg_catalog.pg_is_in_recovery() as "isStandby",
      pg_catalog.current_setting('transaction_read_only') = 'on' as "isReadOnly"
      ${hasSeveralHosts ? `, ${TIMELINE}` : ''}`,
    'commit',
  ].join('; ')
}

/** Only a primary can say its timeline: the first eight digits of the name of its current WAL file. */
const TIMELINE = `
  (select system_identifier::text from pg_catalog.pg_control_system()) as system,
  case when not pg_catalog.pg_is_in_recovery()
    then pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8) end as timeline`

/** With `off`, a crash would revive sessions that had ended. Stricter values than `on` stay. */
const setDurability = () =>
  setIfKnown(
    'synchronous_commit',
    `case pg_catalog.current_setting('synchronous_commit') when 'off' then 'on'
    else pg_catalog.current_setting('synchronous_commit') end`,
  )

function createPathStatements(schema: Session['schema'], searchPath: string | undefined) {
  const setPath = (value: string) => `select ${setIfKnown('search_path', value)}`
  const given = searchPath === undefined ? [] : [setPath(quoteText(searchPath))]
  if (schema === null) return given
  if (schema !== undefined) return [setPath(quoteText(quoteIdentifier(schema)))]
  // The first schema of the path with Servauth's tables, or else the schema in which they would be created.
  return [
    ...given,
    setPath(`coalesce(
      (select pg_catalog.quote_ident(nspname) from pg_catalog.pg_namespace where oid = (
        select relnamespace from pg_catalog.pg_class
        where oid = coalesce(pg_catalog.to_regclass('${JOURNAL}'), pg_catalog.to_regclass('${EARLIER_TABLE}')))),
      pg_catalog.quote_ident(pg_catalog.current_schema()), pg_catalog.current_setting('search_path'))`),
  ]
}

/** Some settings are missing in older versions of PostgreSQL. */
function setIfKnown(name: string, value: string) {
  const quoted = quoteText(name)
  return `case when pg_catalog.current_setting(${quoted}, true) is not null then pg_catalog.set_config(${quoted}, ${value}, false) end`
}

/** Correct with any value of `standard_conforming_strings`. */
export const quoteText = (value: string) => `E'${value.replace(/['\\]/g, '$&$&')}'`

export const quoteIdentifier = (name: string) => `"${name.replaceAll('"', '""')}"`

/** The schema of a search path that names exactly one. */
export function getOnlySchema(searchPath: string | undefined) {
  const [, quoted, plain] = /^\s*(?:"((?:[^"]|"")+)"|([a-z_][\w$]*))\s*$/i.exec(searchPath ?? '') ?? []
  if (quoted === '$user') return undefined
  return quoted?.replaceAll('""', '"') ?? plain?.toLowerCase()
}
