import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'

const FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url))
/** Any number will do, as long as every replica takes the same. */
const LOCK = 7_378_283

/**
 * Brings the database up to date. Replicas may start at once: an advisory lock lets one work
 * and the others find everything done.
 */
export async function migrate(url: string) {
  const sql = postgres(url, { max: 1, connect_timeout: 3, onnotice: () => {} })
  try {
    await sql`select pg_advisory_lock(${LOCK})`
    await applyMigrations(drizzle(sql), { migrationsFolder: FOLDER })
  } finally {
    await sql.end({ timeout: 1 })
  }
}
