import { z } from 'zod'
import type { SessionRow } from '../../db/schema.ts'
import type { Acr } from '../../errors.ts'
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
    authenticatedAt: Time.meta({
      description: 'When the password or a factor was last proven in this session.',
    }),
    amr: z.array(z.string()).meta({
      description: 'The authentication methods that were proven, by the names of RFC 8176.',
      examples: [['pwd', 'otp', 'mfa']],
    }),
    acr: z.string().meta({
      description: '`aal2` if a second factor was proven in this session, otherwise `aal1`.',
      examples: ['aal2'],
    }),
    ipAddress: IpAddress,
    userAgent: UserAgent,
  })
  .meta({ id: 'Session' })
export type Session = z.output<typeof Session>

const { current: _, amr: __, acr: ___, ...shown } = Session.shape
const PUBLIC_FIELDS = Object.keys(shown) as Exclude<keyof Session, 'current' | 'amr' | 'acr'>[]

/** How a session was authenticated, as its row has it. */
export type AuthenticationColumns = Pick<SessionRow, 'authenticatedAt' | 'factorAt' | 'amr'>

/** How a session was authenticated, as `Session` and access tokens say it. */
export function toAuthentication({ authenticatedAt, factorAt, amr }: AuthenticationColumns) {
  const acr: Acr = factorAt ? 'aal2' : 'aal1'
  return { authenticatedAt, amr: amr.split(' '), acr }
}

/** The columns that `toSession` needs. */
export const SHOWN_COLUMNS = [...PUBLIC_FIELDS, 'factorAt', 'amr'] as const
type ShownColumns = Pick<SessionRow, (typeof SHOWN_COLUMNS)[number]>

/** The public fields of a session; `current` if it is the session of the request. */
export function toSession(row: ShownColumns, currentId: string): Session {
  const fields = Object.fromEntries(PUBLIC_FIELDS.map((field) => [field, row[field]]))
  return { ...fields, ...toAuthentication(row), current: row.id === currentId } as Session
}
