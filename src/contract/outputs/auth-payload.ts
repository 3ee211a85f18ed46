import { z } from 'zod'
import { Time } from './fields.ts'
import { Session } from './session.ts'
import { User } from './user.ts'

const accessToken = z.string().meta({
  description: 'A signed JWT (RFC 9068). Send it as `Authorization: Bearer`.',
  examples: ['eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzaWQiOiI3ZDBhNWM1MiJ9.c2lnbmF0dXJl'],
})
const refreshToken = z
  .string()
  .nullable()
  .meta({
    description: 'The secret of the session, only with transport `TOKEN`. Keep it safe.',
    examples: [null],
  })

export const AuthPayload = z
  .strictObject({
    user: User,
    session: Session,
    accessToken,
    accessTokenExpiresAt: Time,
    refreshToken,
  })
  .meta({ id: 'AuthPayload', description: 'What a client gets when it has signed in.' })
export type AuthPayload = z.output<typeof AuthPayload>

export const RegisterPayload = z
  .strictObject({
    user: User,
    session: Session.nullable(),
    accessToken: accessToken.nullable(),
    accessTokenExpiresAt: Time.nullable(),
    refreshToken,
  })
  .meta({
    id: 'RegisterPayload',
    description: 'All fields but `user` are null while the address must be verified first.',
  })
export type RegisterPayload = z.output<typeof RegisterPayload>
