import type { SessionRow } from '../db/schema.ts'

export type Session = ReturnType<typeof toSession>

type Shown = 'id' | 'createdAt' | 'lastUsedAt' | 'expiresAt' | 'ipAddress' | 'userAgent'

/** The public session, `current` when it is the one that asks. */
export function toSession(row: Pick<SessionRow, Shown>, currentId: string) {
  const { id, createdAt, lastUsedAt, expiresAt, ipAddress, userAgent } = row
  return { id, current: id === currentId, createdAt, lastUsedAt, expiresAt, ipAddress, userAgent }
}
