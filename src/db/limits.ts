/** How long the server waits for a call, a connection, a statement and a lock. */
export const DATABASE_LIMITS = {
  callMs: 3000,
  connectSeconds: 3,
  statementMs: 2000,
  lockMs: 1000,
} as const

export type DatabaseLimits = { readonly [Name in keyof typeof DATABASE_LIMITS]: number }

/**
 * A connection whose server has said nothing to a statement for so many times `callMs` is closed, and the server is asked to
 * cancel what waits there. A single statement was cancelled after the first, but not a commit that waits for a standby.
 */
export const SILENT_CALLS = 2

/** A command waits longer: an operator needs it most when the database is busy, and no client waits for it. */
export const COMMAND_LIMITS: DatabaseLimits = {
  callMs: 30_000,
  connectSeconds: 10,
  statementMs: 20_000,
  lockMs: 5000,
}
