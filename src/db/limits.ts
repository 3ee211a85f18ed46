/** How long the server waits for a call, a connection, a statement and a lock. */
export const DATABASE_LIMITS = {
  callMs: 3000,
  connectSeconds: 3,
  statementMs: 2000,
  lockMs: 1000,
} as const

export type DatabaseLimits = { readonly [Name in keyof typeof DATABASE_LIMITS]: number }
