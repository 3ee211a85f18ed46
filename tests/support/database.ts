import { randomBytes } from 'node:crypto'
import postgres, { type Sql } from 'postgres'
import { inject } from 'vitest'
import type { DatabaseLimits } from '../../src/db/limits.ts'
import { createProxy } from './proxy.ts'
import { openForTest, useResource } from './resource.ts'

/** Most tests are not about deadlines, which pass on a busy machine while a server does nothing wrong. */
export const PATIENT: DatabaseLimits = {
  callMs: 90_000,
  connectSeconds: 90,
  statementMs: 80_000,
  lockMs: 70_000,
}

/** A database for the tests of this file or group. */
export const useDatabase = () =>
  useResource(async () => {
    const database = await createDatabase()
    return { ...database, close: database.drop }
  })

/** A proxy in front of that database. */
export const useProxy = (database: { url: string }) => useResource(() => createProxy(database.url))

/** A database for one test. */
export const openDatabase = () =>
  openForTest(async () => {
    const database = await createDatabase()
    return { ...database, close: database.drop }
  })

/** A new database with all migrations, or a copy of another; `sql` asks it directly, as `psql` would. */
export async function createDatabase(template = 'servauth') {
  const name = `test_${randomBytes(6).toString('hex')}`
  await runAsAdmin(`create database ${name} template ${template}`)
  const sql = postgres(databaseUrl(name), { max: 2, onnotice: () => {} })
  return {
    name,
    url: databaseUrl(name),
    sql,
    /** Sets the default of a setting for new connections. */
    setDefault: (setting: string) => runAsAdmin(`alter database ${name} set ${setting}`),
    /** Makes the database as `createdb` does. */
    async empty() {
      await sql.unsafe('drop schema public cascade; create schema public')
    },
    /** Every row of every table, as text. */
    async dump() {
      const tables = await sql`
        select table_name as name from information_schema.tables where table_schema = 'public'`
      return JSON.stringify(
        await Promise.all(tables.map(({ name }) => sql`select t::text from ${sql(name)} t`)),
      )
    },
    async drop() {
      await sql.end({ timeout: 1 })
      await runAsAdmin(`drop database ${name} with (force)`)
    },
  }
}

let admin: Sql | undefined

/** By one connection for all files of a worker: opening one takes as long as creating a database. It closes when it is idle. */
function runAsAdmin(statement: string) {
  admin ??= postgres(databaseUrl('postgres'), { max: 1, idle_timeout: 5, onnotice: () => {} })
  return admin.unsafe(statement)
}

function databaseUrl(name: string) {
  const url = new URL(inject('postgresUrl'))
  url.pathname = `/${name}`
  return url.href
}
