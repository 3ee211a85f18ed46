import { DATABASE_LIMITS as LIMITS } from './limits.ts'

/** The options of every connection of a running server. In a file of its own, so that the listening thread loads only this. */
export const connectionOptions = {
  connect_timeout: LIMITS.connectSeconds,
  // Array types are not used, and no caller could catch a failure of the query that looks them up.
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
