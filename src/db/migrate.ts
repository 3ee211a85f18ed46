import postgres, { type Sql, type TransactionSql } from 'postgres'
import { connect, type DatabaseSettings } from './connection/connect.ts'
import { quoteIdentifier } from './connection/session.ts'
import { DatabaseFault, getAdvice } from './database-fault.ts'
import { applyMigration, assertNamesAreFree, type Migration, openJournal, readJournal } from './journal.ts'
import { LOCKS } from './locks.ts'
import { CLOCK_ADVICE, findClockFault, measureClock } from './requirements/clock.ts'
import { findConnectionLimit } from './requirements/connection-limit.ts'
import { assertMigrationRights, assertUsableSchema, findSchema, type Schema } from './requirements/schema.ts'
import { assertUsableServer } from './requirements/server.ts'
import { runUnblocked } from './unblocked-transaction.ts'

const PULSE_MS = 1000
/** How long it waits for another migration without a word. */
const PATIENCE_MS = 5000
/** A migration is given up if the database does not answer for this long. */
export const SILENCE_MS = 10_000

/** The statement that runs: `name` is its migration, `step` its number of `steps`. */
type Step = { name: string; step: number; steps: number }

export type Watcher = {
  onStep?: (step: Step) => void
  /** Gets a warning about a database that works. */
  onWarning?: (message: string) => void
}

/**
 * Applies the missing migrations in one transaction. Replicas may start at the same time: an advisory lock lets one
 * migrate while the others wait. A migration may take any time, but it is given up if the database stops answering.
 * @returns the names of the migrations that were missing
 * @throws DatabaseFault if the database cannot be used, with advice
 */
export async function migrate(settings: DatabaseSettings, watcher: Watcher = {}) {
  const [sql, other] = [connectForMigration(settings), connectAsServer(settings)]
  const over = new AbortController()
  try {
    return await Promise.race([apply(sql, other, settings, watcher), untilSilent(other, over.signal)])
  } finally {
    over.abort()
    await Promise.all([sql.end({ timeout: 1 }), other.end({ timeout: 1 })])
  }
}

async function apply(sql: Sql, other: Sql, settings: DatabaseSettings, watcher: Watcher) {
  await assertUsableServer(sql, other)
  await waitForLock(sql, other, watcher)
  try {
    return await applyMissing(sql, settings, watcher)
  } finally {
    // A pooler may keep the session, and with it the lock, for the next client.
    await sql.unsafe(`select pg_advisory_unlock(${LOCKS.migration})`).catch(() => {})
  }
}

async function applyMissing(sql: Sql, settings: DatabaseSettings, { onStep, onWarning }: Watcher) {
  const { schema, missing, carried } = await readState(sql, settings)
  if (missing.length > 0 || carried.length > 0) {
    await assertMigratable(sql, schema, missing)
    const applyAll = async (tx: TransactionSql) => {
      if (!schema.exists) await tx.unsafe(`create schema ${quoteIdentifier(schema.name)}`)
      await openJournal(tx, carried)
      for (const migration of missing) {
        const { name, statements } = migration
        await applyMigration(tx, schema.name, migration, (step) =>
          onStep?.({ name, step, steps: statements.length }),
        )
      }
    }
    await runUnblocked(sql, schema.name, applyAll, (message) => onWarning?.(message))
  }
  const [limit, clock] = await Promise.all([
    findConnectionLimit(sql, settings),
    measureClock(sql),
    assertUsableSchema(sql, schema),
  ])
  if (limit) onWarning?.(`${limit.summary}. ${limit.advice}`)
  const clockFault = findClockFault(clock.aheadMs)
  if (clockFault) onWarning?.(`the clock of this machine is ${clockFault}. ${CLOCK_ADVICE}`)
  return missing.map(({ name }) => name)
}

/** Waits without a limit, and says after a while which process of PostgreSQL it waits for. */
async function waitForLock(sql: Sql, other: Sql, { onWarning }: Watcher) {
  const warn = async () => {
    const [holder] = await other.unsafe(`
      select pid from pg_catalog.pg_locks where locktype = 'advisory' and granted
        and database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
        and (classid, objid, objsubid) = (0, ${LOCKS.migration}, 1)`)
    if (holder)
      onWarning?.(
        `another server or command migrates this database, and this one waits for it: process ${holder.pid} in pg_stat_activity`,
      )
  }
  const timer = setTimeout(() => void warn().catch(() => {}), PATIENCE_MS)
  try {
    await sql.unsafe(`select pg_advisory_lock(${LOCKS.migration})`)
  } finally {
    clearTimeout(timer)
  }
}

/** Rejects when the database has not answered for {@link SILENCE_MS}. A refusal counts as an answer. */
async function untilSilent(sql: Sql, over: AbortSignal): Promise<never> {
  const answers = () =>
    sql`select 1`.then(Boolean, (fault: unknown) => fault instanceof postgres.PostgresError)
  let heardAt = performance.now()
  while (!over.aborted) {
    // An answer that comes late is one, too.
    void answers().then((hasAnswered) => {
      if (hasAnswered) heardAt = performance.now()
    })
    await pause(PULSE_MS, over)
    if (performance.now() - heardAt > SILENCE_MS) {
      throw new DatabaseFault('The database does not answer', getAdvice('CONNECT_TIMEOUT') ?? '')
    }
  }
  throw new Error('The migration has ended, so this error is ignored')
}

/** Waits, but not longer than until `over` is aborted. */
async function pause(ms: number, over: AbortSignal) {
  await new Promise<void>((done) => {
    const timer = setTimeout(done, ms)
    over.addEventListener('abort', () => {
      clearTimeout(timer)
      done()
    })
  })
}

async function readState(sql: Sql, { DATABASE_SCHEMA }: DatabaseSettings) {
  const schema = await findSchema(sql, DATABASE_SCHEMA)
  return { schema, ...(await readJournal(sql)) }
}

async function assertMigratable(sql: Sql, schema: Schema, missing: Migration[]) {
  await assertMigrationRights(sql, schema)
  await assertNamesAreFree(sql, schema, missing)
}

/**
 * Which migrations are missing in a database, and whether it has migrations of a newer version. Changes nothing.
 * @throws DatabaseFault if the database cannot be used or migrated
 */
export async function migrationState(settings: DatabaseSettings) {
  const sql = connectForMigration(settings)
  try {
    const { schema, missing, isAhead } = await readState(sql, settings)
    if (missing.length === 0) await assertUsableSchema(sql, schema)
    else await assertMigratable(sql, schema, missing)
    return {
      schema: schema.name,
      missing: missing.map(({ name }) => name),
      isAhead,
      limit: await findConnectionLimit(sql, settings),
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

const connectAsServer = ({ DATABASE_URL, DATABASE_SCHEMA, databaseLimits }: DatabaseSettings) =>
  connect(DATABASE_URL, { schema: DATABASE_SCHEMA, connectSeconds: databaseLimits?.connectSeconds })

function connectForMigration({ DATABASE_URL, DATABASE_SCHEMA, databaseLimits }: DatabaseSettings) {
  return connect(DATABASE_URL, {
    schema: DATABASE_SCHEMA,
    connectSeconds: databaseLimits?.connectSeconds,
    isKept: true,
    session: {
      statement_timeout: 0,
      lock_timeout: 0,
      // Without these, PostgreSQL keeps the lock of a process that vanished from the network for hours.
      idle_session_timeout: SILENCE_MS,
      idle_in_transaction_session_timeout: SILENCE_MS,
      tcp_keepalives_idle: 10,
      tcp_keepalives_interval: 5,
      tcp_keepalives_count: 3,
    },
  })
}
