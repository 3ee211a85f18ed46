import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import postgres, { type Sql } from 'postgres'

const FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url))
/** Any number will do, as long as every replica takes the same. */
const LOCK = 7_378_283

/** Which statement of which migration is at work. */
type Step = { name: string; step: number; steps: number }

/**
 * Brings the database up to date. Replicas may start at once: an advisory lock lets one work
 * and the others find everything done. They commit all together or not at all.
 * @returns the names of the migrations that were missing
 */
export async function migrate(url: string, onStep: (step: Step) => void = () => {}) {
  const sql = connect(url)
  try {
    await sql`select pg_advisory_lock(${LOCK})`
    const { missing } = await read(sql)
    const steps = missing.flatMap(({ name, statements }) =>
      statements.map((text, index) => ({ text, name, step: index + 1, steps: statements.length })),
    )
    const logQuery = (text: string) => {
      if (text === steps[0]?.text) onStep(steps.shift() as Step)
    }
    await applyMigrations(drizzle(sql, { logger: { logQuery } }), { migrationsFolder: FOLDER })
    return missing.map(({ name }) => name)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Which migrations a database lacks, and whether it has some of a newer version of this program. */
export async function migrationState(url: string) {
  const sql = connect(url)
  try {
    const { missing, ahead } = await read(sql)
    return { missing: missing.map(({ name }) => name), ahead }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

function connect(url: string) {
  return postgres(url, { max: 1, connect_timeout: 3, onnotice: () => {} })
}

/** The migrator goes by the time of the newest one that was applied. */
async function read(sql: Sql) {
  const [table] = await sql`select to_regclass('drizzle.__drizzle_migrations') as name`
  const [row] = table?.name
    ? await sql`select max(created_at) as newest from drizzle.__drizzle_migrations`
    : []
  const newest = Number(row?.newest ?? 0)
  const { entries } = JSON.parse(readFileSync(`${FOLDER}/meta/_journal.json`, 'utf8')) as {
    entries: { tag: string; when: number }[]
  }
  const files = readMigrationFiles({ migrationsFolder: FOLDER })
  const all = entries.map(({ tag, when }, index) => ({
    name: tag,
    when,
    statements: files[index]?.sql ?? [],
  }))
  return {
    missing: all.filter(({ when }) => when > newest),
    ahead: newest > Math.max(...all.map(({ when }) => when)),
  }
}
