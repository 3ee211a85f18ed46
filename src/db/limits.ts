/** How long the server waits for a call, a connection, a statement and a lock. */
export const DATABASE_LIMITS = {
  callMs: 3000,
  connectSeconds: 3,
  statementMs: 2000,
  lockMs: 1000,
} as const

export type DatabaseLimits = { readonly [Name in keyof typeof DATABASE_LIMITS]: number }

/**
 * A connection whose server has said nothing for so many times `callMs` is closed. The statement on it was cancelled after
 * the first, so a server that is alive would have answered.
 */
export const SILENT_CALLS = 2

/** A command waits longer: an operator needs it most when the database is busy, and no client waits for it. */
export const COMMAND_LIMITS: DatabaseLimits = {
  callMs: 30_000,
  connectSeconds: 10,
  statementMs: 20_000,
  lockMs: 5000,
}
