import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'

const FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url))
/** Any number will do, as long as every replica takes the same. */
const LOCK = 7_378_283
const PULSE_MS = 1000
/** How long the database may be silent before a migration on it is given up. */
const SILENCE_MS = 10_000

/**
 * Brings the database up to date. Replicas may start at once: an advisory lock lets one work
 * and the others find everything done. There is no deadline, since a migration works and waits as
 * long as it must; but on a database that no longer answers anybody it is given up.
 */
export async function migrate(url: string) {
  const sql = connect(url, {
    // Without these the lock of a process that has vanished from the network is held for hours.
    idle_session_timeout: SILENCE_MS,
    idle_in_transaction_session_timeout: SILENCE_MS,
    tcp_keepalives_idle: 10,
    tcp_keepalives_interval: 5,
    tcp_keepalives_count: 3,
  })
  const over = new AbortController()
  try {
    await Promise.race([apply(sql), untilSilent(url, over.signal)])
  } finally {
    over.abort()
    await sql.end({ timeout: 1 })
  }
}

function connect(url: string, connection = {}) {
  // Array types are not used, and the query that looks them up rejects where nobody can catch it.
  return postgres(url, { max: 1, connect_timeout: 3, fetch_types: false, onnotice: () => {}, connection })
}

async function apply(sql: postgres.Sql) {
  await sql`select pg_advisory_lock(${LOCK})`
  await applyMigrations(drizzle(sql), { migrationsFolder: FOLDER })
}

/** Rejects when the database has given no sign of life for a while. A refusal is one too. */
async function untilSilent(url: string, over: AbortSignal) {
  const sql = connect(url)
  const answers = () =>
    sql`select 1`.then(Boolean, (fault: unknown) => fault instanceof postgres.PostgresError)
  try {
    let heardAt = performance.now()
    while (!over.aborted) {
      await pause(PULSE_MS, over)
      if (await Promise.race([answers(), pause(PULSE_MS, over)])) heardAt = performance.now()
      if (performance.now() - heardAt > SILENCE_MS) throw new Error('The database does not answer')
    }
  } finally {
    await sql.end({ timeout: 0 })
  }
}

/** @returns false, or as soon as it is over */
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
