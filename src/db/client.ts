import { drizzle } from 'drizzle-orm/postgres-js'
import postgres, { type Sql, type TransactionSql } from 'postgres'
import { createDeadline } from '../deadline.ts'
import { AuthError } from '../errors.ts'
import type { Span } from '../span.ts'
import { DATABASE_LIMITS as LIMITS } from './limits.ts'
import * as schema from './schema.ts'
import { statementName } from './statement-name.ts'

export type Db = ReturnType<typeof createDb>['db']
/** A transaction, or the pool itself: what a statement may run on. */
export type Executor = Db | Parameters<Parameters<Db['transaction']>[0]>[0]

type InTime = ReturnType<typeof createDeadline>
/** The deadline of calls on the pool and of those inside of a transaction, counted apart; and where there is tracing. */
type Around = { inTime: InTime; withinTransaction: InTime; span: Span | undefined }

/** What every connection of a running server is made with. */
export const connectionOptions = {
  connect_timeout: LIMITS.connectSeconds,
  // Array types are not used, and the query that looks them up rejects where nobody can catch it.
  fetch_types: false,
  backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 1),
  onnotice: () => {},
  connection: {
    application_name: 'servauth',
    statement_timeout: LIMITS.statementMs,
    lock_timeout: LIMITS.lockMs,
    idle_in_transaction_session_timeout: LIMITS.callMs,
  },
} as const

/**
 * Opens the pool. Connections are made when needed, so a database that is down does not
 * keep the process from starting; every call ends within {@link LIMITS.callMs}.
 */
export function createDb(url: string, span?: Span) {
  const sql = postgres(url, { ...connectionOptions, max: LIMITS.connections })
  const inTime = createDeadline(LIMITS.callMs)
  const withinTransaction = createDeadline(LIMITS.callMs)
  return {
    db: drizzle(bounded(sql, { inTime, withinTransaction, span }), { schema }),
    /** How many calls wait for the database or are being answered, a transaction counting as one. */
    pool: { connections: LIMITS.connections, underWay: inTime.pending },
    close: () => sql.end({ timeout: 5 }),
  }
}

const POSTGRESQL = { 'db.system.name': 'postgresql' }

/**
 * The same client with a deadline on every call, since the driver can wait for ever on a
 * connection that dies at a bad moment (its issues 1193, 1195, 1199). What was given up does not
 * run late: a statement is cancelled, and a transaction whose caller has been refused rolls back.
 * Statements are prepared: Drizzle asks for it only where a query is named.
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
        return (text: string, parameters?: never[]) => {
          assertWanted()
          const query = target.unsafe(text, parameters, { prepare: true })
          const cancel = () => query.cancel()
          const name = () => statementName(text)
          return {
            // biome-ignore lint/suspicious/noThenProperty: the driver's queries are thenables that start when awaited
            then: (...handlers: Parameters<Promise<unknown>['then']>) =>
              call(name, () => query, cancel).then(...handlers),
            values: () => call(name, () => query.values(), cancel),
          }
        }
      }
      if (key === 'begin' || key === 'savepoint') {
        const transact = Reflect.get(target, key) as Sql['begin']
        return (work: (tx: TransactionSql) => Promise<unknown>) => {
          let wanted = true
          const assertStillWanted = () => {
            assertWanted()
            if (!wanted) throw new Error('The transaction came too late')
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

async function endsInTime<T>(inTime: InTime, pending: PromiseLike<T>, giveUp: () => unknown): Promise<T> {
  try {
    return await inTime(pending, () => {
      void Promise.resolve(giveUp()).catch(() => {})
      return unavailable(new Error('The database did not answer in time'))
    })
  } catch (fault) {
    throw isUnavailable(fault) ? unavailable(fault) : fault
  }
}

function unavailable(cause: unknown) {
  return new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1, cause })
}

/**
 * Whether a fault lies with the database's state and not with the statement. By SQLSTATE class
 * (PostgreSQL, appendix A): data, integrity, syntax and the like are ours, the rest is its.
 * An undefined table is ours to wait for: the migrations are not in yet. So is a database that
 * takes no writes (25006, after a failover) or ends a transaction for its age (25P03, 25P04).
 */
function isUnavailable(fault: unknown) {
  if (fault instanceof AuthError) return false
  if (!(fault instanceof postgres.PostgresError)) return isConnectionFault(fault)
  return /^(42P01|25006|25P03|25P04)$/.test(fault.code) || !/^(0A|2[0-7]|3[489]|42|44|P0)/.test(fault.code)
}

export function isConnectionFault(fault: unknown) {
  const { code } = (fault ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^(CONN|SASL|E[A-Z_]+$)/.test(code)
}

/** Whether a write was refused because the value of a unique column is taken. */
export function isUniqueViolation(fault: unknown): boolean {
  if (fault instanceof postgres.PostgresError) return fault.code === '23505'
  return fault instanceof Error && fault.cause !== undefined && isUniqueViolation(fault.cause)
}
