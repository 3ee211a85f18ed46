import { getTableName, is } from 'drizzle-orm'
import { PgTable } from 'drizzle-orm/pg-core'
import type { Sql } from 'postgres'
import { isReservedSchema } from '../../settings/database.ts'
import { getOnlySchema, JOURNAL, quoteText } from '../connection/session.ts'
import { DatabaseFault } from '../database-fault.ts'
import * as tables from '../schema/all.ts'

/** All tables of Servauth, without the journal. */
export const OWN_TABLES = Object.values(tables).flatMap((value) =>
  is(value, PgTable) ? [getTableName(value)] : [],
)

/** The functions that statements of the server call, also inside of triggers. A trigger needs no right. */
export const OWN_FUNCTIONS = ['announce_event', 'has_webhooks', 'refuse_reserved_address']

/** A schema, and what the role may do there. */
export type Schema = {
  name: string
  exists: boolean
  mayUse: boolean
  mayCreate: boolean
  mayCreateSchema: boolean
}

/** The schema of the tables, or the one in which they will be created. @throws DatabaseFault if there is none */
export async function findSchema(sql: Sql, given: string | undefined): Promise<Schema> {
  const [found] = await sql.unsafe(`
    select wanted.name, oid is not null as exists,
      pg_catalog.current_setting('search_path') as path,
      pg_catalog.has_schema_privilege(oid, 'USAGE') as "mayUse",
      pg_catalog.has_schema_privilege(oid, 'CREATE') as "mayCreate",
      pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') as "mayCreateSchema"
    from (select ${given === undefined ? 'pg_catalog.current_schema()' : quoteText(given)} as name) as wanted
    left join pg_catalog.pg_namespace on nspname = wanted.name`)
  if (found?.name && isReservedSchema(found.name)) {
    throw new DatabaseFault(
      `The search path begins with a schema of PostgreSQL itself: ${found.name}`,
      'Name another one with DATABASE_SCHEMA, or correct the search path of the role, the database or DATABASE_URL.',
    )
  }
  if (found?.name) {
    const { name, exists, mayUse, mayCreate, mayCreateSchema } = found
    return {
      name,
      exists,
      mayUse: Boolean(mayUse),
      mayCreate: Boolean(mayCreate),
      mayCreateSchema: Boolean(mayCreateSchema),
    }
  }
  const path = String(found?.path)
  // The only schema of the path does not exist, or the role may not use it.
  const only = getOnlySchema(path)
  if (given === undefined && only !== undefined) return findSchema(sql, only)
  throw new DatabaseFault(
    `No schema of the search path exists or may be used: ${path}`,
    'Name one with DATABASE_SCHEMA, which is created if it is missing, or create it with create schema.',
  )
}

/** Asserts that the role can use what the migrations have created. @throws DatabaseFault */
export const assertUsableSchema = (sql: Sql, schema: Schema) =>
  Promise.all([
    assertTableRights(sql, schema),
    assertFunctionRights(sql, schema),
    assertFormerName(sql, schema),
  ])

/** The functions name the schema of their migration, so after another name of it they would use other tables, or none. */
async function assertFormerName(sql: Sql, { name }: Schema) {
  const [renamed] = await sql.unsafe(`
    select pg_catalog.quote_ident(nspname) as name, pg_catalog.substring(prosrc, 'FROM (.+)[.]webhooks') as former
    from pg_catalog.pg_proc join pg_catalog.pg_namespace on pg_namespace.oid = pronamespace
    where nspname = ${quoteText(name)} and proname = 'has_webhooks'
      and pg_catalog.strpos(prosrc, 'FROM ' || pg_catalog.quote_ident(nspname) || '.webhooks') = 0`)
  if (!renamed) return
  throw new DatabaseFault(
    `The schema ${renamed.name} was renamed, and its functions still use ${renamed.former}`,
    `Rename it back, because they name their schema: alter schema ${renamed.name} rename to ${renamed.former}.`,
  )
}

async function assertTableRights(sql: Sql, { name }: Schema) {
  const rows = await sql.unsafe(`
    select relation as name, current_user as role
    from pg_catalog.unnest(array[${[...OWN_TABLES, JOURNAL].map(quoteText).join()}]) as relation,
      pg_catalog.unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as privilege
    where (privilege = 'SELECT' or relation <> '${JOURNAL}')
      and not pg_catalog.has_table_privilege(pg_catalog.to_regclass(relation), privilege)`)
  if (rows.length === 0) return
  const names = [...new Set(rows.map((row) => row.name))].join(', ')
  throw new DatabaseFault(
    `The role "${rows[0]?.role}" may not read and write these tables: ${names}`,
    `Let their owner grant it: grant select, insert, update, delete on all tables in schema "${name}" to "${rows[0]?.role}".`,
  )
}

/** PostgreSQL grants the execution of functions to all roles, unless an operator has changed that default. */
async function assertFunctionRights(sql: Sql, { name }: Schema) {
  const rows = await sql.unsafe(`
    select proname as name, current_user as role from pg_catalog.pg_proc as function
    join pg_catalog.pg_namespace as own on own.oid = pronamespace
    where nspname = ${quoteText(name)} and proname in (${OWN_FUNCTIONS.map(quoteText).join()})
      and not pg_catalog.has_function_privilege(function.oid, 'EXECUTE')`)
  if (rows.length === 0) return
  const names = rows.map((row) => row.name).join(', ')
  throw new DatabaseFault(
    `The role "${rows[0]?.role}" may not execute these functions: ${names}`,
    `Let their owner grant it: grant execute on all functions in schema "${name}" to "${rows[0]?.role}".`,
  )
}

/** Asserts that the role may apply migrations. @throws DatabaseFault */
export async function assertMigrationRights(sql: Sql, schema: Schema) {
  const [session] = await sql`select current_user as role, pg_catalog.current_database() as database`
  const { role, database } = session ?? {}
  if (!schema.exists && !schema.mayCreateSchema) {
    throw new DatabaseFault(
      `There is no schema "${schema.name}", and the role "${role}" may not create it`,
      `Let an administrator create it: create schema "${schema.name}" authorization "${role}".`,
    )
  }
  if (schema.exists && !schema.mayUse) {
    throw new DatabaseFault(
      `The role "${role}" may not use the schema "${schema.name}" of the database "${database}"`,
      `Grant it: grant usage on schema "${schema.name}" to "${role}".`,
    )
  }
  const foreign = await sql`
    select relation.relname as name, pg_catalog.pg_get_userbyid(relation.relowner) as owner
    from pg_catalog.unnest(pg_catalog.string_to_array(${OWN_TABLES.join(',')}, ',')) as name
    join pg_catalog.pg_class as relation on relation.oid = pg_catalog.to_regclass(name)
    where not pg_catalog.pg_has_role(relation.relowner, 'USAGE')`
  if (foreign[0]) {
    throw new DatabaseFault(
      `The tables belong to the role "${foreign[0].owner}", and the role "${role}" may not change them`,
      `Run "servauth migrate" once with "${foreign[0].owner}" in DATABASE_URL, then start the servers.`,
    )
  }
  if (schema.exists && !schema.mayCreate) {
    throw new DatabaseFault(
      `The role "${role}" may not create tables in the schema "${schema.name}" of the database "${database}"`,
      `Grant it: grant create on schema "${schema.name}" to "${role}"; or run "servauth migrate" once as a role that may.`,
    )
  }
}
