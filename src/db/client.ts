import { drizzle } from 'drizzle-orm/postgres-js'
import type { Sql, TransactionSql } from 'postgres'
import { createDeadline } from '../deadline.ts'
import { AuthError } from '../errors.ts'
import { DEFAULT_POOL_SIZE } from '../settings/database.ts'
import type { Span } from '../span.ts'
import { connect, type DatabaseSettings } from './connection/connect.ts'
import { databaseTimeout } from './connection/connection-fault.ts'
import { isUnavailable } from './fault-kinds.ts'
import { DATABASE_LIMITS, SILENT_CALLS } from './limits.ts'
import { statementName } from './statements/statement-name.ts'
import { TIMESTAMPTZ, toIsoText } from './statements/time-text.ts'

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
 * After the deadline nothing runs: a statement is cancelled, a transaction rolls back.
 */
function bounded<Client extends Sql | TransactionSql>(
  client: Client,
  around: Around,
  assertWanted = () => {},
): Client {
  return new Proxy(client, {
    get(target, key) {
      if (key === 'unsafe') return boundedStatements(target, around, assertWanted)
      if (key === 'begin' || key === 'savepoint') {
        const transact = Reflect.get(target, key) as Sql['begin']
        return boundedTransactions(transact, around, assertWanted)
      }
      return Reflect.get(target, key)
    },
  })
}

/** All statements are prepared; Drizzle alone prepares only named queries. */
function boundedStatements(client: Sql | TransactionSql, around: Around, assertWanted: () => void) {
  return (text: string, parameters?: never[], options?: object) => {
    assertWanted()
    const query = client.unsafe(text, parameters, { ...options, prepare: true })
    const cancel = () => query.cancel()
    const name = () => statementName(text)
    return {
      // biome-ignore lint/suspicious/noThenProperty: the driver's queries are thenables that start when awaited
      then: (...handlers: Parameters<Promise<unknown>['then']>) =>
        call(around, name, () => query, cancel).then(...handlers),
      values: () => call(around, name, () => query.values(), cancel),
      start: () => call(around, name, () => query, cancel),
    }
  }
}

/** After its deadline, a transaction starts no further statement, and does not commit. */
function boundedTransactions(transact: Sql['begin'], around: Around, assertOuterWanted: () => void) {
  const inside = { ...around, inTime: around.withinTransaction }
  return (work: (tx: TransactionSql) => Promise<unknown>) => {
    let wanted = true
    const assertWanted = () => {
      assertOuterWanted()
      if (!wanted) throw new Error('The deadline of the transaction has passed')
    }
    const transaction = () =>
      transact(async (tx) => {
        assertWanted()
        const result = await work(bounded(tx, inside, assertWanted))
        assertWanted()
        return result
      })
    const giveUp = () => {
      wanted = false
    }
    return call(around, () => 'transaction', transaction, giveUp)
  }
}

function call<T>(
  { inTime, span }: Around,
  name: () => string,
  pending: () => PromiseLike<T>,
  giveUp: () => unknown,
): Promise<T> {
  if (!span) return endsInTime(inTime, pending(), giveUp)
  return span(name(), POSTGRESQL, () => endsInTime(inTime, pending(), giveUp))
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
