/** How long the server waits for its database, from the outside in: call, connection, statement, lock. */
export const DATABASE_LIMITS = {
  connections: 20,
  callMs: 3000,
  connectSeconds: 3,
  statementMs: 2000,
  lockMs: 1000,
} as const
