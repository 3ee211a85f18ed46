import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import postgres, { type Sql } from 'postgres'
import { connectionOptions } from './connection-options.ts'
import { LOCKS } from './locks.ts'

const FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url))
const PULSE_MS = 1000
/** A migration is given up if the database does not answer for this long. */
export const SILENCE_MS = 10_000

/** The statement that runs: `name` is its migration, `step` its number of `steps`. */
type Step = { name: string; step: number; steps: number }

/**
 * Applies the missing migrations in one transaction. Replicas may start at the same time: an advisory lock lets one
 * migrate while the others wait. A migration may take any time, but it is given up if the database stops answering.
 * @returns the names of the migrations that were missing
 */
export async function migrate(url: string, onStep: (step: Step) => void = () => {}) {
  const sql = connect(url)
  const over = new AbortController()
  try {
    return await Promise.race([apply(sql, onStep), untilSilent(url, over.signal)])
  } finally {
    over.abort()
    await sql.end({ timeout: 1 })
  }
}

async function apply(sql: Sql, onStep: (step: Step) => void) {
  await sql`select pg_advisory_lock(${LOCKS.migration})`
  const { missing } = await read(sql)
  const steps = missing.flatMap(({ name, statements }) =>
    statements.map((text, index) => ({ text, name, step: index + 1, steps: statements.length })),
  )
  const logQuery = (text: string) => {
    if (text === steps[0]?.text) onStep(steps.shift() as Step)
  }
  if (missing.length > 0) {
    await applyMigrations(drizzle(sql, { logger: { logQuery } }), { migrationsFolder: FOLDER })
  }
  return missing.map(({ name }) => name)
}

/** Rejects when the database has not answered for {@link SILENCE_MS}. A refusal counts as an answer. */
async function untilSilent(url: string, over: AbortSignal): Promise<never> {
  const sql = postgres(url, { ...connectionOptions, max: 1 })
  const answers = () =>
    sql`select 1`.then(Boolean, (fault: unknown) => fault instanceof postgres.PostgresError)
  let heardAt = performance.now()
  try {
    while (!over.aborted) {
      await pause(PULSE_MS, over)
      if (await Promise.race([answers(), pause(PULSE_MS, over)])) heardAt = performance.now()
      if (performance.now() - heardAt > SILENCE_MS) throw new Error('The database does not answer')
    }
    throw new Error('The migration has ended, so this error is ignored')
  } finally {
    await sql.end({ timeout: 0 })
  }
}

/** Waits, but not longer than until `over` is aborted. @returns false */
async function pause(ms: number, over: AbortSignal) {
  await new Promise<void>((done) => {
    const timer = setTimeout(done, ms)
    over.addEventListener('abort', () => {
      clearTimeout(timer)
      done()
    })
  })
  return false
}

/** Which migrations are missing in a database, and whether it has migrations of a newer version of this program. */
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
  return postgres(url, {
    max: 1,
    connect_timeout: 3,
    fetch_types: false,
    onnotice: () => {},
    // Without these, PostgreSQL keeps the lock of a process that vanished from the network for hours.
    connection: {
      idle_session_timeout: SILENCE_MS,
      idle_in_transaction_session_timeout: SILENCE_MS,
      tcp_keepalives_idle: 10,
      tcp_keepalives_interval: 5,
      tcp_keepalives_count: 3,
    },
  })
}

/** Like Drizzle's migrator, compares the time of each migration with the newest one that was applied. */
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
