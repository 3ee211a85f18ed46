import postgres from 'postgres'
import { AuthError } from '../errors.ts'

const OF_THE_DATABASE = ['42P01', '25006', '42501', '26000', '42P05', '25P03', '25P04']

/**
 * Whether the database caused a fault, and not the statement. True for all SQLSTATE classes (PostgreSQL, appendix A)
 * except data, integrity, syntax and the like. Also true if a table is missing (before the migrations), the database
 * takes no writes (25006, after a failover), the role has lost a right (42501), a pooler has changed the session (26000,
 * 42P05), PostgreSQL ended the transaction for its age (25P03, 25P04), or a table was changed between two statements of
 * a connection, so that its prepared ones fail once (0A000 of that routine).
 */
export function isUnavailable(fault: unknown) {
  if (fault instanceof AuthError) return false
  if (!(fault instanceof postgres.PostgresError)) return isConnectionFault(fault)
  if (fault.routine === 'RevalidateCachedQuery') return true
  if (OF_THE_DATABASE.includes(fault.code)) return true
  return !/^(0A|2[0-7]|3[489]|42|44|P0)/.test(fault.code)
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
