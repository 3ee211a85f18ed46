import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Sql, type TransactionSql } from 'postgres'
import { createDeadline } from '../deadline.ts'
import { AuthError } from '../errors.ts'
import { DEFAULT_POOL_SIZE } from '../settings/database.ts'
import type { Span } from '../span.ts'
import { connect, type DatabaseSettings } from './connection/connect.ts'
import { databaseTimeout } from './connection/connection-fault.ts'
import { DATABASE_LIMITS, SILENT_CALLS } from './limits.ts'
import { statementName } from './statement-name.ts'
import { TIMESTAMPTZ, toIsoText } from './time-text.ts'

export type Db = ReturnType<typeof createDb>['db']
/** Runs statements: a transaction, or the pool itself. */
export type Executor = Db | Parameters<Parameters<Db['transaction']>[0]>[0]

/** What Drizzle does not declare of its client. `start` runs the statement without the promises of a thenable. */
export type BoundedClient = {
  unsafe: <Row>(text: string, values: unknown[], options?: object) => { start: () => Promise<Row[]> }
}

type InTime = ReturnType<typeof createDeadline>
/** Two deadlines, because calls on the pool and calls inside a transaction are counted separately; and tracing. */
type Around = { inTime: InTime; withinTransaction: InTime; span: Span | undefined }

/**
 * Opens the pool. Connections are opened when they are needed, so the process starts even if the database is down.
 * Every call ends within `callMs` of the limits.
 */
export function createDb(settings: DatabaseSettings, span?: Span) {
  const { DATABASE_URL, DATABASE_SCHEMA, DATABASE_POOL_SIZE = DEFAULT_POOL_SIZE } = settings
  const { callMs, connectSeconds, statementMs, lockMs } = settings.databaseLimits ?? DATABASE_LIMITS
  const sql = connect(DATABASE_URL, {
    schema: DATABASE_SCHEMA,
    max: DATABASE_POOL_SIZE,
    connectSeconds,
    maxSilenceMs: SILENT_CALLS * callMs,
    session: {
      statement_timeout: statementMs,
      lock_timeout: lockMs,
      idle_in_transaction_session_timeout: callMs,
    },
  })
  const inTime = createDeadline(callMs, toFault)
  const withinTransaction = createDeadline(callMs, toFault)
  const db = drizzle(bounded(sql, { inTime, withinTransaction, span }))
  // After Drizzle, which makes the driver leave times as they are.
  sql.options.parsers[TIMESTAMPTZ] = toIsoText
  return {
    db,
    /** How many calls wait for the database or run on it. A transaction counts as one. */
    pool: { connections: DATABASE_POOL_SIZE, underWay: inTime.pending },
    close: () => sql.end({ timeout: 5 }),
  }
}

const POSTGRESQL = { 'db.system.name': 'postgresql' }

/**
 * Puts a deadline on every call, because the driver can wait endlessly if a connection dies (issues 1193, 1195, 1199).
 * After the deadline nothing runs: a statement is cancelled, a transaction rolls back. All statements are prepared;
 * Drizzle alone prepares only named queries.
 */
function bounded<Client extends Sql | TransactionSql>(
  client: Client,
  around: Around,
  assertWanted = () => {},
): Client {
  const { inTime, withinTransaction, span } = around

  function call<T>(name: () => string, pending: () => PromiseLike<T>, giveUp: () => unknown): Promise<T> {
    if (!span) return endsInTime(inTime, pending(), giveUp)
    return span(name(), POSTGRESQL, () => endsInTime(inTime, pending(), giveUp))
  }

  return new Proxy(client, {
    get(target, key) {
      if (key === 'unsafe') {
        return (text: string, parameters?: never[], options?: object) => {
          assertWanted()
          const query = target.unsafe(text, parameters, { ...options, prepare: true })
          const cancel = () => query.cancel()
          const name = () => statementName(text)
          return {
            // biome-ignore lint/suspicious/noThenProperty: the driver's queries are thenables that start when awaited
            then: (...handlers: Parameters<Promise<unknown>['then']>) =>
              call(name, () => query, cancel).then(...handlers),
            values: () => call(name, () => query.values(), cancel),
            start: () => call(name, () => query, cancel),
          }
        }
      }
      if (key === 'begin' || key === 'savepoint') {
        const transact = Reflect.get(target, key) as Sql['begin']
        return (work: (tx: TransactionSql) => Promise<unknown>) => {
          let wanted = true
          const assertStillWanted = () => {
            assertWanted()
            if (!wanted) throw new Error('The deadline of the transaction has passed')
          }
          const inside = { ...around, inTime: withinTransaction }
          const transaction = () =>
            transact(async (tx) => {
              assertStillWanted()
              const result = await work(bounded(tx, inside, assertStillWanted))
              assertStillWanted()
              return result
            })
          return call(
            () => 'transaction',
            transaction,
            () => {
              wanted = false
            },
          )
        }
      }
      return Reflect.get(target, key)
    },
  })
}

function endsInTime<T>(inTime: InTime, pending: PromiseLike<T>, giveUp: () => unknown): Promise<T> {
  return inTime(pending, () => {
    void Promise.resolve(giveUp()).catch(() => {})
    return unavailable(databaseTimeout())
  })
}

const toFault = (fault: unknown) => (isUnavailable(fault) ? unavailable(fault) : fault)

function unavailable(cause: unknown) {
  return new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1, cause })
}

/**
 * Whether the database caused a fault, and not the statement. True for all SQLSTATE classes (PostgreSQL, appendix A)
 * except data, integrity, syntax and the like. Also true if a table is missing (before the migrations), the database
 * takes no writes (25006, after a failover), PostgreSQL ended the transaction for its age (25P03, 25P04), or a table was
 * changed between two statements of a connection, so that its prepared ones fail once (0A000 of that routine).
 */
function isUnavailable(fault: unknown) {
  if (fault instanceof AuthError) return false
  if (!(fault instanceof postgres.PostgresError)) return isConnectionFault(fault)
  if (fault.routine === 'RevalidateCachedQuery') return true
  return /^(42P01|25006|25P03|25P04)$/.test(fault.code) || !/^(0A|2[0-7]|3[489]|42|44|P0)/.test(fault.code)
}

export function isConnectionFault(fault: unknown) {
  // The runtime gives its own faults a code too: `ERR_INVALID_URL` in a transaction is a bug, and no outage.
  if (fault instanceof TypeError || fault instanceof RangeError) return false
  const { code } = (fault ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^(CONN|SASL|E[A-Z_]+$)/.test(code)
}

/** Whether the database refused a write because the value of a unique column is taken. */
export function isUniqueViolation(fault: unknown): boolean {
  if (fault instanceof postgres.PostgresError) return fault.code === '23505'
  return fault instanceof Error && fault.cause !== undefined && isUniqueViolation(fault.cause)
}
