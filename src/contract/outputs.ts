import { z } from 'zod'

/**
 * What the service hands back: the one description of it, for its own types, for GraphQL's and for
 * the OpenAPI document. Nothing is parsed with these at run time.
 */
const Moment = z.date().meta({ examples: ['2026-11-24T10:15:00.000Z'] })
const IpAddress = z
  .string()
  .nullable()
  .meta({
    description: 'Where the request came from, as far as it could be believed.',
    examples: ['203.0.113.9'],
  })
const UserAgent = z
  .string()
  .nullable()
  .meta({ examples: ['Mozilla/5.0'] })

export const User = z
  .strictObject({
    id: z.uuid().meta({ examples: ['0b8d3f0e-6f0a-4c1e-9d57-3f1d2a7c9b10'] }),
    email: z.string().meta({ examples: ['ada@example.com'] }),
    emailVerified: z.boolean(),
    pendingEmail: z
      .string()
      .nullable()
      .meta({
        description: 'The address that takes the place of `email` once its owner confirms it.',
        examples: [null],
      }),
    username: z
      .string()
      .nullable()
      .meta({ examples: ['Ada'] }),
    createdAt: Moment,
    updatedAt: Moment,
  })
  .meta({ id: 'User' })
export type User = z.output<typeof User>

export const Session = z
  .strictObject({
    id: z.uuid().meta({ examples: ['7d0a5c52-93f4-4d6b-8a54-0f5a3c7b1e22'] }),
    current: z.boolean().meta({ description: 'Whether it is the session that asks.' }),
    createdAt: Moment,
    lastUsedAt: Moment,
    expiresAt: Moment.meta({
      description: 'When it ends if it is not refreshed before.',
      examples: ['2026-12-01T10:15:00.000Z'],
    }),
    ipAddress: IpAddress,
    userAgent: UserAgent,
  })
  .meta({ id: 'Session' })
export type Session = z.output<typeof Session>

const accessToken = z.string().meta({
  description: 'An EdDSA JWT, to be sent as `Authorization: Bearer`.',
  examples: ['eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzaWQiOiI3ZDBhNWM1MiJ9.c2lnbmF0dXJl'],
})
const refreshToken = z
  .string()
  .nullable()
  .meta({
    description: 'With transport `TOKEN` only. To be kept safe: it is the session’s secret.',
    examples: [null],
  })

export const AuthPayload = z
  .strictObject({
    user: User,
    session: Session,
    accessToken,
    accessTokenExpiresAt: Moment,
    refreshToken,
  })
  .meta({ id: 'AuthPayload', description: 'What somebody who is signed in gets.' })
export type AuthPayload = z.output<typeof AuthPayload>

export const RegisterPayload = z
  .strictObject({
    user: User,
    session: Session.nullable(),
    accessToken: accessToken.nullable(),
    accessTokenExpiresAt: Moment.nullable(),
    refreshToken,
  })
  .meta({
    id: 'RegisterPayload',
    description: 'All but `user` are null while the address must be verified first.',
  })
export type RegisterPayload = z.output<typeof RegisterPayload>

export const Event = z
  .strictObject({
    id: z.uuid().meta({ examples: ['3c1f7b0a-5d0e-4a3b-8a8e-6b2f9c4d7e01'] }),
    kind: z.string().meta({
      description: 'What happened, in one word of a list that may grow.',
      examples: ['login', 'refresh', 'password_changed', 'sessions_revoked'],
    }),
    createdAt: Moment,
    ipAddress: IpAddress,
    userAgent: UserAgent,
  })
  .meta({ id: 'Event' })
export type Event = z.output<typeof Event>
