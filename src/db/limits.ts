/** The size of the pool, and how long the server waits for a call, a connection, a statement and a lock. */
export const DATABASE_LIMITS = {
  connections: 20,
  callMs: 3000,
  connectSeconds: 3,
  statementMs: 2000,
  lockMs: 1000,
} as const
