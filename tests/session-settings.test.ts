import { beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../src/db/connection/connect.ts'
import { LOCKS } from '../src/db/locks.ts'
import { migrate } from '../src/db/migrate.ts'
import { isOwnSetting } from '../src/libpq/options.ts'
import { ADAPTERS } from './support/client.ts'
import { openDatabase } from './support/database.ts'
import { useServer } from './support/server.ts'
import { pause, secondsSince } from './support/time.ts'
import { untilServed } from './support/until-served.ts'

/** Defaults of a database or a role, each with a value that could break Servauth. */
const HOSTILE: Record<string, string> = {
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  TimeZone: 'Asia/Kolkata',
  array_nulls: 'off',
  bytea_output: 'escape',
  check_function_bodies: 'off',
  client_encoding: 'LATIN1',
  client_min_messages: 'error',
  default_transaction_deferrable: 'on',
  default_transaction_isolation: 'serializable',
  exit_on_error: 'on',
  extra_float_digits: '-15',
  idle_in_transaction_session_timeout: '5ms',
  idle_session_timeout: '300ms',
  jit: 'on',
  lock_timeout: '1ms',
  log_parameter_max_length_on_error: '-1',
  quote_all_identifiers: 'on',
  row_security: 'off',
  standard_conforming_strings: 'off',
  statement_timeout: '250ms',
  synchronous_commit: 'off',
  transaction_timeout: '400ms',
  transform_null_equals: 'on',
}

/** Settings that only change speed or the log, or that Servauth never uses: the operator's. */
const OPERATORS =
  /^(allow_|application_name|backend_|backslash_quote|client_connection_|commit_siblings|constraint_|cpu_|createrole_|cursor_|debug_|default_(statistics|tablespace|text_search|toast)|effective_|enable_|escape_string|event_|extension_|file_|force_|from_collapse|geqo|gin_|hash_mem|icu_|io_|jit_|join_collapse|lc_|local_preload|log_|logical_|maintenance_|md5_|max_parallel|min_parallel|oauth_|parallel_|password_|plan_cache|random_page|recursive_|restrict_nonsystem|scram_|seq_page|stats_|synchronize_|tcp_|temp_|timezone_abb|trace_|vacuum_|wal_|work_mem|xml)/
/** Settings that are set for each transaction, or checked at the start. */
const CHECKED = /^(search_path|default_transaction_read_only|transaction_(deferrable|isolation|read_only))$/

const NAME = 'Zoë ☃ \\ o’Hara'

async function setHostileDefaults(database: { setDefault(setting: string): Promise<unknown> }) {
  for (const [name, value] of Object.entries(HOSTILE)) await database.setDefault(`${name} to '${value}'`)
}

test('every setting that a role may change is set by the server, checked, or the choice of the operator', async () => {
  const { sql } = await openDatabase()
  const settings = await sql`select name from pg_settings where context = 'user' order by name`

  const names = settings.map(({ name }) => String(name))
  expect(names.length).toBeGreaterThan(100)
  expect(names.filter((name) => !isOwnSetting(name) && !OPERATORS.test(name) && !CHECKED.test(name))).toEqual(
    [],
  )
})

describe('with hostile defaults of the database,', () => {
  const server = useServer()
  beforeAll(async () => {
    await setHostileDefaults(server)
    await server.restart()
  })

  test('a connection has the same settings as without them', async () => {
    const other = await openDatabase()
    const read = async (url: string) => {
      const sql = connect(url)
      const rows = await sql`select name, setting from pg_settings`
      await sql.end()
      return new Map(rows.filter(({ name }) => isOwnSetting(name)).map((row) => [row.name, row.setting]))
    }
    const [here, there] = [await read(server.env.DATABASE_URL), await read(other.url)]

    expect(here).toEqual(there)
    expect([...here.keys()].map((name) => name.toLowerCase()).sort()).toEqual(
      expect.arrayContaining(Object.keys(HOSTILE).map((name) => name.toLowerCase())),
    )
  })

  test.each(ADAPTERS)('times are right by %s', async (adapter) => {
    const { client } = await server.registerUser(adapter, 'COOKIE')
    const me = await client.me()
    const sessions = await client.sessions()

    for (const createdAt of [me.data?.createdAt, sessions.data?.[0]?.createdAt]) {
      expect(Math.abs(Date.now() - new Date(String(createdAt)).getTime())).toBeLessThan(60_000)
    }
  })

  test('parallel refreshes and changes of one account are all answered', async () => {
    const { input, client } = await server.registerUser()
    const others = Array.from({ length: 8 }, () => server.client())
    await Promise.all(others.map((other) => other.login(input)))

    const answers = await Promise.all(
      others.flatMap((other) =>
        [other.refresh, () => other.updateMe({ username: NAME }), other.sessions].map((ask) =>
          untilServed<{ code?: string }>(ask),
        ),
      ),
    )

    expect(answers.map(({ code }) => code).filter(Boolean)).toEqual([])
    expect((await client.me()).data).toMatchObject({ username: NAME })
  })

  test('a taken address is refused, and the connection works on', async () => {
    const { input, client } = await server.registerUser()

    const again = await Promise.all(Array.from({ length: 4 }, () => server.client().register(input)))

    expect(again.map(({ code }) => code)).toEqual(Array(4).fill('EMAIL_TAKEN'))
    expect((await client.me()).status).toBe(200)
  })

  test('a migration waits for another one, though statements are short by default', async () => {
    const database = await openDatabase()
    await database.empty()
    await setHostileDefaults(database)
    const other = connect(database.url)
    await other`select pg_advisory_lock(${LOCKS.migration})`
    const began = performance.now()
    const waiting = migrate({ DATABASE_URL: database.url })
    await pause(1500)
    await other.end()
    const applied = await waiting

    expect(secondsSince(began)).toBeGreaterThan(1.4)
    expect(applied.length).toBeGreaterThan(7)
    expect(await migrate({ DATABASE_URL: database.url })).toEqual([])
  })
})

test('a connection that replaces a killed one has the settings too', async () => {
  const { url, sql: admin } = await openDatabase()
  const sql = connect(url, { max: 3 })
  const ask = async () => {
    const [row] = await sql`select current_setting('statement_timeout') as value, pg_sleep(0.01)`
    return String(row?.value)
  }
  const found = new Set<string>()
  for (let round = 0; round < 20; round++) {
    const asked = Promise.allSettled(Array.from({ length: 6 }, ask))
    await admin`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'servauth' and datname = current_database()`
    // The driver may forget a statement whose backend dies.
    const answers = await Promise.race([asked, pause(1000).then((): never[] => [])])
    for (const answer of answers) if (answer.status === 'fulfilled') found.add(answer.value)
  }
  await sql.end({ timeout: 0 })

  expect([...found]).toEqual(['2s'])
})
