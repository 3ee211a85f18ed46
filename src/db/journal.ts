import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import type { Sql, TransactionSql } from 'postgres'
import { ROOT } from '../root.ts'
import { JOURNAL, quoteIdentifier } from './connection/session.ts'
import { DatabaseFault } from './database-fault.ts'
import type { Schema } from './requirements/schema.ts'

const FOLDER = join(ROOT, 'drizzle')

/** A migration. The journal of earlier versions has the time `when` instead of the name. */
export type Migration = { name: string; hash: string; when: number; statements: string[] }

type JournalState = {
  missing: Migration[]
  /** In the journal of an earlier version, and not yet in this one. */
  carried: Migration[]
  /** Whether a newer version of Servauth has migrated the schema. */
  isAhead: boolean
}

/** All migrations of this version, in their order. */
export function readMigrations(): Migration[] {
  const { entries } = JSON.parse(readFileSync(`${FOLDER}/meta/_journal.json`, 'utf8')) as {
    entries: { tag: string; when: number }[]
  }
  const files = readMigrationFiles({ migrationsFolder: FOLDER })
  return entries.map(({ tag, when }, index) => ({
    name: tag,
    when,
    hash: files[index]?.hash ?? '',
    statements: files[index]?.sql ?? [],
  }))
}

/**
 * Which migrations a schema has. Its own journal is a table of the schema. Earlier versions used
 * `drizzle.__drizzle_migrations`, which all programs with Drizzle share: from there, only rows of Servauth's migrations
 * count, and only if the schema has Servauth's tables.
 */
export async function readJournal(sql: Sql): Promise<JournalState> {
  const all = readMigrations()
  const [found] = await sql.unsafe(`
    select pg_catalog.to_regclass('${JOURNAL}') is not null as "hasOwn", current_user as role,
      pg_catalog.has_table_privilege(pg_catalog.to_regclass('${JOURNAL}'), 'SELECT') as "mayRead",
      pg_catalog.to_regclass('users') is not null and pg_catalog.to_regclass('sessions') is not null
        and pg_catalog.has_schema_privilege(drizzle.oid, 'USAGE')
        and pg_catalog.has_table_privilege(journal.oid, 'SELECT') as "hasEarlier"
    from (select) as nothing
    left join pg_catalog.pg_namespace as drizzle on drizzle.nspname = 'drizzle'
    left join pg_catalog.pg_class as journal
      on journal.relnamespace = drizzle.oid and journal.relname = '__drizzle_migrations'`)
  if (found?.hasOwn && !found.mayRead) {
    throw new DatabaseFault(
      `The role "${found.role}" may not read the table ${JOURNAL}`,
      `Let its owner grant it: grant select on ${JOURNAL} to "${found.role}".`,
    )
  }
  const own = found?.hasOwn ? await sql.unsafe(`select name from ${JOURNAL}`) : []
  const earlier =
    found?.hasEarlier && !found.hasOwn ? await sql`select created_at from drizzle.__drizzle_migrations` : []
  const names = new Set(own.map(({ name }) => String(name)))
  const times = new Set(earlier.map((row) => Number(row.created_at)))
  const carried = all.filter(({ when, name }) => times.has(when) && !names.has(name))
  const known = new Set(all.map(({ name }) => name))
  return {
    missing: all.filter((migration) => !names.has(migration.name) && !carried.includes(migration)),
    carried,
    isAhead: [...names].some((name) => !known.has(name)),
  }
}

const MAX_NAMES_SHOWN = 5

/**
 * Asserts that no other object has the name of one that the missing migrations create. They may create again what an
 * earlier migration has created. @throws DatabaseFault
 */
export async function assertNamesAreFree(sql: Sql, { name: schema }: Schema, missing: Migration[]) {
  const isMissing = new Set(missing.map(({ name }) => name))
  const applied = readMigrations().filter(({ name }) => !isMissing.has(name))
  const own = new Set(applied.flatMap((migration) => findNames(migration, CREATED)))
  const created = missing
    .flatMap((migration) => findNames(migration, CREATED))
    .filter((name) => !own.has(name))
  const taken = await sql`
    select name from pg_catalog.unnest(pg_catalog.string_to_array(${created.join(',')}, ',')) as name
    join pg_catalog.pg_namespace on nspname = ${schema}
    where exists (select from pg_catalog.pg_class where relname = name and relnamespace = pg_namespace.oid)
      or exists (select from pg_catalog.pg_type where typname = name and typnamespace = pg_namespace.oid)
      or exists (select from pg_catalog.pg_proc where proname = name and pronamespace = pg_namespace.oid and pronargs = 0)`
  if (taken.length === 0) return
  const names = taken.map(({ name }) => String(name))
  const [first] = readMigrations()
  const isOwn = first && findNames(first, CREATED_TABLE).every((name) => names.includes(name))
  throw isOwn
    ? new DatabaseFault(
        `The schema "${schema}" has Servauth's tables, but no journal of its migrations`,
        `Restore the table ${JOURNAL} of that schema, or "drizzle"."__drizzle_migrations" of an earlier version, with the backup; or name another schema with DATABASE_SCHEMA.`,
      )
    : new DatabaseFault(
        `Another program uses these names in the schema "${schema}": ${names.slice(0, MAX_NAMES_SHOWN).join(', ')}`,
        'Give Servauth a schema of its own, which it creates (DATABASE_SCHEMA=servauth), or a database of its own.',
      )
}

const CREATED_TABLE = /^\s*CREATE TABLE "(\w+)"/i
const CREATED =
  /^\s*(?:--[^\n]*\n\s*)*CREATE (?:UNIQUE )?(?:TABLE|TYPE|INDEX|FUNCTION) (?:"public"\.)?"?(\w+)"?/i

const findNames = ({ statements }: Migration, pattern: RegExp) =>
  statements.flatMap((text) => pattern.exec(text)?.[1] ?? [])

/** Creates the journal if it is missing. It has no key, so that a restore of data alone may insert its rows again. */
export async function openJournal(tx: TransactionSql, carried: Migration[]) {
  await tx.unsafe(`create table if not exists ${JOURNAL} (
    name varchar(255) not null, hash varchar(64) not null, applied_at timestamptz not null default now())`)
  for (const migration of carried) await record(tx, migration)
}

/** Applies a migration to the schema of the session. Drizzle writes "public" into its files. */
export async function applyMigration(
  tx: TransactionSql,
  schema: string,
  migration: Migration,
  onStep: (step: number) => void,
) {
  for (const [index, text] of migration.statements.entries()) {
    onStep(index + 1)
    await tx.unsafe(text.replaceAll('"public".', () => `${quoteIdentifier(schema)}.`))
  }
  await record(tx, migration)
}

async function record(tx: TransactionSql, { name, hash }: Migration) {
  await tx`insert into ${tx(JOURNAL)} (name, hash) values (${name}, ${hash})`
}
