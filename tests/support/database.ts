import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { inject } from 'vitest'

/** A fresh, migrated database; `sql` looks into it the way `psql` would. */
export async function createDatabase() {
  const name = `test_${randomBytes(6).toString('hex')}`
  const admin = postgres(databaseUrl('postgres'), { max: 1, onnotice: () => {} })
  await admin.unsafe(`create database ${name} template servauth`)
  const sql = postgres(databaseUrl(name), { max: 2, onnotice: () => {} })
  return {
    url: databaseUrl(name),
    sql,
    async drop() {
      await sql.end({ timeout: 1 })
      await admin.unsafe(`drop database ${name} with (force)`)
      await admin.end({ timeout: 1 })
    },
  }
}

function databaseUrl(name: string) {
  const url = new URL(inject('postgresUrl'))
  url.pathname = `/${name}`
  return url.href
}
