import { z } from 'zod'
import type { SessionRow } from '../../db/schema.ts'
import { IpAddress, Time, UserAgent } from './fields.ts'

export const Session = z
  .strictObject({
    id: z.uuid().meta({ examples: ['7d0a5c52-93f4-4d6b-8a54-0f5a3c7b1e22'] }),
    current: z.boolean().meta({ description: 'Whether this is the session of the request.' }),
    createdAt: Time,
    lastUsedAt: Time,
    expiresAt: Time.meta({
      description: 'When the session ends if it is not refreshed before.',
      examples: ['2026-12-01T10:15:00.000Z'],
    }),
    ipAddress: IpAddress,
    userAgent: UserAgent,
  })
  .meta({ id: 'Session' })
export type Session = z.output<typeof Session>

const { current: _, ...shown } = Session.shape
const PUBLIC_FIELDS = Object.keys(shown) as Exclude<keyof Session, 'current'>[]

/** The public fields of a session; `current` if it is the session of the request. */
export function toSession(row: Pick<SessionRow, (typeof PUBLIC_FIELDS)[number]>, currentId: string): Session {
  const fields = Object.fromEntries(PUBLIC_FIELDS.map((field) => [field, row[field]]))
  return { ...fields, current: row.id === currentId } as Session
}
