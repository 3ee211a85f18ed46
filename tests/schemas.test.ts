import type { Sql } from 'postgres'
import { describe, expect, test } from 'vitest'
import { applyMigration, openJournal, readMigrations } from '../src/db/journal.ts'
import { migrate, migrationState } from '../src/db/migrate.ts'
import { OWN_FUNCTIONS, OWN_TABLES } from '../src/db/requirements/schema.ts'
import { openDatabase } from './support/database.ts'
import { type Server, startServer } from './support/server.ts'

const TABLES = [...OWN_TABLES, 'servauth_migrations'].sort()

/** A mail server that does not answer: mails are promised, and wait. */
const MAIL = { SMTP_URL: 'smtp://127.0.0.1:1' }

async function empty(sql: Sql) {
  await sql.unsafe('drop schema public cascade; create schema public')
}

/** The tables of each schema. */
async function tablesOf(sql: Sql) {
  const rows = await sql`
    select schemaname as schema, array_agg(tablename::text order by tablename) as tables from pg_tables
    where schemaname !~ '^(pg_|information_schema)' group by 1 order by 1`
  return Object.fromEntries(rows.map(({ schema, tables }) => [schema, tables]))
}

/** Uses all tables and triggers. @returns the codes of what was refused */
async function useServerFully(server: Server) {
  const { client, input } = await server.registerUser()
  const newPassword = 'another long phrase'
  const answers = [
    await server.client('GraphQL').login(input),
    await client.me(),
    await client.refresh(),
    await client.updateMe({ username: 'Ada' }),
    await client.changePassword({ currentPassword: input.password, newPassword }),
    await client.updateMe({ email: `moved-${input.email}`, currentPassword: newPassword }),
    await client.call('requestPasswordReset', { email: input.email }),
    await client.sessions(),
    await client.events(),
    await client.logout(),
  ]
  return answers.map(({ code }) => code).filter(Boolean)
}

test.each(['auth', 'We"ird\\ schema', 'über $& $'])(
  'everything is in the schema %s alone',
  async (schema) => {
    const server = await startServer({ ...MAIL, DATABASE_SCHEMA: schema }, { prepare: empty })

    expect(await useServerFully(server)).toEqual([])
    expect(await tablesOf(server.sql)).toEqual({ [schema]: TABLES })
    const [events] = await server.sql`select count(*)::int from ${server.sql(schema)}.events`
    expect(events?.count).toBeGreaterThan(3)
  },
)

test('a database of each earlier version can be migrated', async () => {
  const { url, sql, empty: clear } = await openDatabase()
  await clear()
  const migrations = readMigrations()

  for (const [index, migration] of migrations.entries()) {
    await sql.begin(async (tx) => {
      await openJournal(tx, [])
      await applyMigration(tx, 'public', migration, () => {})
    })
    const missing = migrations.slice(index + 1).map(({ name }) => name)
    expect(await migrationState({ DATABASE_URL: url })).toMatchObject({ missing })
  }
})

test('the start checks the right to execute each function but triggers', async () => {
  const { sql } = await openDatabase()

  const rows = await sql`
    select proname as name from pg_proc
    where pronamespace = 'public'::regnamespace and prorettype <> 'trigger'::regtype order by 1`

  expect(rows.map(({ name }) => name)).toEqual(OWN_FUNCTIONS)
})

describe('without DATABASE_SCHEMA', () => {
  test('the first schema of the search path is used', async () => {
    const prepare = async (sql: Sql) => {
      await empty(sql)
      await sql`create schema auth`
      await sql`do $$ begin execute format('alter database %I set search_path = nowhere, auth, public', current_database()); end $$`
    }
    const server = await startServer(MAIL, { prepare })

    expect(await useServerFully(server)).toEqual([])
    expect(await tablesOf(server.sql)).toEqual({ auth: TABLES })
  })

  test('a schema with the name of the role comes before public, as in PostgreSQL', async () => {
    const database = await openDatabase()
    await database.empty()
    await database.sql`create schema servauth`
    await migrate({ DATABASE_URL: database.url })

    expect(await tablesOf(database.sql)).toEqual({ servauth: TABLES })
  })

  test('existing tables are still used when another schema comes before theirs', async () => {
    const database = await openDatabase()
    await database.sql`create schema servauth`
    await database.sql`insert into public.users (email, password) values ('ada@example.com', 'x')`

    expect(await migrate({ DATABASE_URL: database.url })).toEqual([])
    expect(await migrationState({ DATABASE_URL: database.url })).toMatchObject({
      schema: 'public',
      missing: [],
    })
  })

  test.each(['search_path=auth', 'options=-c%20search_path%3Dauth'])(
    'the schema may be in the URL by ?%s, and is created',
    async (query) => {
      const database = await openDatabase()
      await database.empty()
      await migrate({ DATABASE_URL: `${database.url}&${query}` })

      expect(await tablesOf(database.sql)).toEqual({ auth: TABLES })
    },
  )

  test.each(['pg_catalog', 'pg_temp, public', 'information_schema'])(
    'a search path that begins with a schema of PostgreSQL is refused in words: %s',
    async (path) => {
      const database = await openDatabase()
      await database.empty()
      await database.setDefault(`search_path = ${path}`)

      await expect(migrate({ DATABASE_URL: database.url })).rejects.toThrow(
        /^The search path begins with a schema of PostgreSQL itself: \w+\. Name another one with DATABASE_SCHEMA/,
      )
    },
  )

  test('a search path without an existing schema is refused in words', async () => {
    const database = await openDatabase()
    await database.setDefault('search_path = nowhere, neither')

    await expect(migrate({ DATABASE_URL: database.url })).rejects.toThrow(
      /^No schema of the search path exists or may be used: nowhere, neither\. Name one with DATABASE_SCHEMA/,
    )
  })
})

test('two servers can share a database, each with a schema of its own', async () => {
  const first = await startServer({ DATABASE_SCHEMA: 'one' }, { prepare: empty })
  const other = { DATABASE_URL: first.env.DATABASE_URL, DATABASE_SCHEMA: 'two' }
  await migrate(other)
  await first.registerUser()

  expect(await first.sql`select email from one.users`).toHaveLength(1)
  expect(await first.sql`select email from two.users`).toHaveLength(0)
})

describe('the journal', () => {
  const migrations = readMigrations()
  /** The migrations of the last version that kept its journal in Drizzle's default table. */
  const first = migrations.findIndex(({ name }) => name.endsWith('functions_find_their_tables'))
  const [earlier, later] = [migrations.slice(0, first), migrations.slice(first)]

  /** The tables and the journal of that version. */
  async function migrateEarlier(database: Awaited<ReturnType<typeof openDatabase>>) {
    const { sql } = database
    await database.empty()
    for (const { statements } of earlier) for (const text of statements) await sql.unsafe(text)
    await sql`create schema if not exists drizzle`
    await sql`create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`
    for (const { hash, when } of earlier) {
      await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values (${hash}, ${when})`
    }
  }

  test('of an earlier version is carried over, and nothing is lost', async () => {
    const database = await openDatabase()
    const { sql } = database
    await migrateEarlier(database)
    await sql`insert into users (email, password) values ('ada@example.com', 'x')`

    const before = await migrationState({ DATABASE_URL: database.url })
    const applied = await migrate({ DATABASE_URL: database.url })

    const missing = later.map(({ name }) => name)
    expect(before).toMatchObject({ missing, isAhead: false })
    expect(applied).toEqual(missing)
    expect((await sql`select name from servauth_migrations order by name`).map(({ name }) => name)).toEqual(
      migrations.map(({ name }) => name),
    )
    expect(await sql`select email from users`).toEqual([{ email: 'ada@example.com' }])
    // The earlier version may be started again.
    expect(await sql`select id from drizzle.__drizzle_migrations`).toHaveLength(earlier.length)
    expect(await migrate({ DATABASE_URL: database.url })).toEqual([])
  })

  test('of another program that uses Drizzle does not count', async () => {
    const database = await openDatabase()
    const { sql } = database
    await database.empty()
    await sql`create schema drizzle`
    await sql`create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`
    await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('theirs', 1999999999999)`

    expect((await migrationState({ DATABASE_URL: database.url })).missing).toHaveLength(
      readMigrations().length,
    )
    expect(await migrate({ DATABASE_URL: database.url })).toHaveLength(readMigrations().length)
    expect(await sql`select hash from drizzle.__drizzle_migrations`).toEqual([{ hash: 'theirs' }])
  })

  test('of an earlier version counts only in the schema of its tables', async () => {
    const database = await openDatabase()
    await migrateEarlier(database)

    const applied = await migrate({ DATABASE_URL: database.url, DATABASE_SCHEMA: 'auth' })

    expect(applied).toHaveLength(readMigrations().length)
  })

  test('that is missing beside its tables is named', async () => {
    const database = await openDatabase()
    await database.sql`drop table servauth_migrations`

    await expect(migrate({ DATABASE_URL: database.url })).rejects.toThrow(
      /Servauth's tables, but no journal[\s\S]*Restore the table servauth_migrations/,
    )
  })
})

test('tables of another program are named and stay unchanged', async () => {
  const database = await openDatabase()
  const { sql, url } = database
  await database.empty()
  await sql`create table users (id int primary key, login text)`
  await sql`create type mail_status as enum ('OPEN')`

  const refused =
    /^Another program uses these names in the schema "public": (.*users.*mail_status|.*mail_status.*users)/
  await expect(migrate({ DATABASE_URL: url })).rejects.toThrow(refused)
  await expect(migrationState({ DATABASE_URL: url })).rejects.toThrow(/DATABASE_SCHEMA=servauth/)
  expect(await tablesOf(sql)).toEqual({ public: ['users'] })

  await migrate({ DATABASE_URL: url, DATABASE_SCHEMA: 'servauth' })
  expect(await tablesOf(sql)).toEqual({ public: ['users'], servauth: TABLES })
})

test.each([undefined, 'auth'])(
  'a restore of data alone works without a search path (DATABASE_SCHEMA: %s)',
  async (schema) => {
    const database = await openDatabase()
    const { sql, url } = database
    await database.empty()
    await migrate({ DATABASE_URL: url, DATABASE_SCHEMA: schema })
    const name = schema ?? 'public'
    const journal = await sql`select name, hash from ${sql(name)}.servauth_migrations`
    const user = { id: crypto.randomUUID(), email: 'ada@example.com', password: 'x' }

    // Like the output of pg_dump --data-only.
    await sql.begin(async (tx) => {
      await tx`select pg_catalog.set_config('search_path', '', true)`
      for (const { name: migration, hash } of journal) {
        await tx`insert into ${tx(name)}.servauth_migrations (name, hash) values (${migration}, ${hash})`
      }
      await tx`insert into ${tx(name)}.users ${tx(user)}`
      for (let index = 0; index < 102; index++) {
        await tx`insert into ${tx(name)}.sessions (user_id, token, transport, expires_at)
        values (${user.id}, ${String(index)}, 'COOKIE', now() + interval '1 day')`
      }
      await tx`update ${tx(name)}.users set username = 'Ada'`
      await tx`delete from ${tx(name)}.sessions where token = '101'`
    })

    expect(await sql`select id from ${sql(name)}.sessions`).toHaveLength(99)
    expect(await migrate({ DATABASE_URL: url, DATABASE_SCHEMA: schema })).toEqual([])
    expect(await migrationState({ DATABASE_URL: url, DATABASE_SCHEMA: schema })).toMatchObject({
      missing: [],
      isAhead: false,
    })
  },
)

test('every function that names a table names its schema too, or has that schema as its search path', async () => {
  const { sql } = await openDatabase()
  const functions = await sql`
    select proname as name, regexp_replace(prosrc, '--[^\\n]*', '', 'g') as body,
      coalesce(proconfig::text, '') as settings
    from pg_proc where pronamespace = 'public'::regnamespace`

  const names = [...TABLES, ...functions.map(({ name }) => name)].join('|')
  const withName = functions.filter(({ body }) => new RegExp(`\\b(${names})\\b`).test(body))
  const withTable = withName.filter(({ body }) =>
    new RegExp(`(?<!\\b(?:public|NEW|OLD)\\.|')\\b(${names})\\b`).test(body),
  )
  expect(functions.length).toBeGreaterThan(3)
  expect(withName.length).toBeGreaterThan(withTable.length)
  expect(withTable.length).toBeGreaterThan(1)
  expect(withTable.filter(({ settings }) => !settings.includes('search_path=public'))).toEqual([])
})
