import { SessionTransport } from '../../contract/inputs.ts'
import type { AuthPayload, RegisterPayload, Session, User } from '../../contract/outputs.ts'
import { builder } from './builder.ts'

export const SessionTransportType = builder.enumType('SessionTransport', {
  description:
    'How the secret of a session travels: in an HttpOnly cookie, or in the answer and the request.',
  values: SessionTransport.options,
})

export const UserType = builder.objectRef<User>('User').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    email: t.exposeString('email'),
    emailVerified: t.exposeBoolean('emailVerified'),
    pendingEmail: t.exposeString('pendingEmail', { nullable: true }),
    username: t.exposeString('username', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
  }),
})

export const SessionType = builder.objectRef<Session>('Session').implement({
  fields: (t) => ({
    id: t.exposeID('id'),
    current: t.exposeBoolean('current'),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    lastUsedAt: t.expose('lastUsedAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
    ipAddress: t.exposeString('ipAddress', { nullable: true }),
    userAgent: t.exposeString('userAgent', { nullable: true }),
  }),
})

const refreshTokenDescription = 'Only with transport TOKEN.'

export const AuthPayloadType = builder.objectRef<AuthPayload>('AuthPayload').implement({
  fields: (t) => ({
    user: t.expose('user', { type: UserType }),
    session: t.expose('session', { type: SessionType }),
    accessToken: t.exposeString('accessToken'),
    accessTokenExpiresAt: t.expose('accessTokenExpiresAt', { type: 'DateTime' }),
    refreshToken: t.exposeString('refreshToken', { nullable: true, description: refreshTokenDescription }),
  }),
})

export const RegisterPayloadType = builder.objectRef<RegisterPayload>('RegisterPayload').implement({
  description: 'The same fields; all but user are null while the address must be verified first.',
  fields: (t) => ({
    user: t.expose('user', { type: UserType }),
    session: t.expose('session', { type: SessionType, nullable: true }),
    accessToken: t.exposeString('accessToken', { nullable: true }),
    accessTokenExpiresAt: t.expose('accessTokenExpiresAt', { type: 'DateTime', nullable: true }),
    refreshToken: t.exposeString('refreshToken', { nullable: true, description: refreshTokenDescription }),
  }),
})
