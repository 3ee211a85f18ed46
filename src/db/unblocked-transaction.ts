import postgres, { type Sql, type TransactionSql } from 'postgres'

/** Longer than PostgreSQL needs to end an autovacuum that is in the way (deadlock_timeout, 1 s). */
const MAX_LOCK_WAIT_MS = 1500
const LOOK_MS = 500
/** After this long, it says what it waits for. */
const PATIENCE_MS = 2000
/** A lock that was not free in time, and a deadlock. */
const REPEATED = ['55P03', '40P01']

type Holder = { id: string; pid: number | null }

/**
 * Runs a transaction that locks whole tables of a schema. Statements of other sessions wait behind a lock that waits, for example
 * for pg_dump, even if they only read. So if a lock is not free soon, the transaction is rolled back, and begins again
 * when those that held locks then have ended.
 */
export async function runUnblocked(
  sql: Sql,
  schema: string,
  run: (tx: TransactionSql) => Promise<void>,
  onWait: (message: string) => void,
) {
  for (;;) {
    try {
      await sql.begin(async (tx) => {
        await tx.unsafe(`set local lock_timeout = ${MAX_LOCK_WAIT_MS}`)
        await run(tx)
      })
      return
    } catch (fault) {
      if (!(fault instanceof postgres.PostgresError && REPEATED.includes(fault.code))) throw fault
    }
    await waitUntilEnded(sql, schema, onWait)
  }
}

async function waitUntilEnded(sql: Sql, schema: string, onWait: (message: string) => void) {
  const began = performance.now()
  let hasWarned = false
  let holders: Holder[] = await findHolders(sql, schema)
  while (holders.length > 0) {
    if (!hasWarned && performance.now() - began > PATIENCE_MS) {
      hasWarned = true
      onWait(
        `the migration waits until other transactions release Servauth's tables: ${holders.map(describeHolder).join(', ')}`,
      )
    }
    await Bun.sleep(LOOK_MS)
    const ids = holders.map(({ id }) => id)
    holders = (await findHolders(sql, schema)).filter(({ id }) => ids.includes(id))
  }
}

/** The transactions of other sessions that have a lock on a table of the schema. */
function findHolders(sql: Sql, schema: string) {
  return sql<Holder[]>`
    select distinct virtualtransaction as id, pid from pg_catalog.pg_locks
    where granted and locktype = 'relation' and pid is distinct from pg_catalog.pg_backend_pid()
      and database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
      and relation in (
        select pg_class.oid from pg_catalog.pg_class join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
        where nspname = ${schema})`
}

const describeHolder = ({ pid }: Holder) =>
  pid === null ? 'a prepared transaction of pg_prepared_xacts' : `process ${pid} in pg_stat_activity`
