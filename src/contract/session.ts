import type { SessionRow } from '../db/schema.ts'
import type { Session } from './outputs.ts'

type Shown = Exclude<keyof Session, 'current'>

/** The public session, `current` when it is the one that asks. */
export function toSession(row: Pick<SessionRow, Shown>, currentId: string): Session {
  const { id, createdAt, lastUsedAt, expiresAt, ipAddress, userAgent } = row
  return { id, current: id === currentId, createdAt, lastUsedAt, expiresAt, ipAddress, userAgent }
}
