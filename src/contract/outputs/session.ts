import { z } from 'zod'
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

/** How a session was authenticated, as its row has it. */
type AuthenticationColumns<At extends Time> = { authenticatedAt: At; factorAt: At | null; amr: string }

/** How a session was authenticated, as `Session` and access tokens say it. */
export function toAuthentication<At extends Time>({
  authenticatedAt,
  factorAt,
  amr,
}: AuthenticationColumns<At>) {
  const acr: Acr = factorAt ? 'aal2' : 'aal1'
  return { authenticatedAt, amr: amr.split(' '), acr }
}

/** The columns of a session that its answer needs. */
export type SessionColumns = Omit<Session, 'current' | 'amr' | 'acr'> & AuthenticationColumns<Time>

/** The public fields of a session; `current` if it is the session of the request. */
export function toSession(row: SessionColumns, currentId: string): Session {
  const { id, createdAt, lastUsedAt, expiresAt, ipAddress, userAgent } = row
  const current = id === currentId
  return { id, current, createdAt, lastUsedAt, expiresAt, ...toAuthentication(row), ipAddress, userAgent }
}
