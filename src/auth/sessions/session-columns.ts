import type { SessionColumns } from '../../contract/outputs/session.ts'

/** The columns that the answer about a session needs. */
export const SESSION_COLUMNS = [
  'id',
  'createdAt',
  'lastUsedAt',
  'expiresAt',
  'authenticatedAt',
  'factorAt',
  'amr',
  'ipAddress',
  'userAgent',
] as const satisfies (keyof SessionColumns)[]
