import { z } from 'zod'
import type { UserRow } from '../../../db/schema/users.ts'
import { Factor } from '../factors.ts'
import { Time } from '../fields.ts'
import { connectionOf } from '../page.ts'
import { Session } from '../session.ts'
import { toUser, User } from '../user.ts'
import { AuditEvent } from './audit-event.ts'

const managed = {
  ...User.shape,
  claims: z
    .record(z.string(), z.unknown())
    .meta({ description: 'Further claims of access tokens.', examples: [{ plan: 'pro' }] }),
  disabledAt: Time.nullable().meta({ description: 'When the account was disabled.', examples: [null] }),
  disabledUntil: Time.nullable().meta({
    description: 'When a suspension ends. Null if the account is enabled, or disabled without an end.',
    examples: [null],
  }),
  hasSecondFactor: z.boolean(),
  factorRecoveryAt: Time.nullable().meta({
    description: 'When a mailed link may replace lost factors.',
    examples: [null],
  }),
}

export const ManagedUser = z
  .strictObject(managed)
  .meta({ id: 'ManagedUser', description: 'An account as administrators see it.' })
export type ManagedUser = z.output<typeof ManagedUser>

/** What is answered to callers that need not be allowed to read the account. */
export const RolesOfUser = ManagedUser.pick({ id: true, roles: true }).meta({
  id: 'RolesOfUser',
  description: 'The roles of a user. `user` shows more, with the permission `users:read`.',
})
export const ClaimsOfUser = ManagedUser.pick({ id: true, claims: true }).meta({
  id: 'ClaimsOfUser',
  description: 'The claims of a user. `user` shows more, with the permission `users:read`.',
})

export const UserConnection = connectionOf(ManagedUser, 'User')
export type UserConnection = z.output<typeof UserConnection>

export const LoginWait = z
  .strictObject({
    place: z.string().meta({
      description:
        'Where attempts must wait: a known network or browser, `mailbox` for unknown ones that show a mailed link, or `unknown` for all others together.',
      examples: ['unknown'],
    }),
    proof: z.string().meta({ description: '`password` or `factor`.', examples: ['password'] }),
    failures: z.int().meta({ examples: [6] }),
    until: Time,
  })
  .meta({ id: 'LoginWait', description: 'A wait after failed attempts to sign in.' })
export type LoginWait = z.output<typeof LoginWait>

export const UserDetails = z
  .strictObject({
    ...managed,
    sessions: z.array(Session),
    factors: z.array(Factor),
    recoveryCodes: z.int().meta({ description: 'How many are left.', examples: [10] }),
    waits: z.array(LoginWait),
    events: z
      .array(AuditEvent)
      .nullable()
      .meta({ description: 'The latest 20. Null without the permission `events:read`.' }),
  })
  .meta({ id: 'UserDetails' })
export type UserDetails = z.output<typeof UserDetails>

/** The columns of an account that administrators see. */
type ManagedColumns = Parameters<typeof toUser>[0] &
  Pick<UserRow, 'claims' | 'disabledAt' | 'disabledUntil' | 'secondFactorAt' | 'factorRecoveryAt'>

/** Another program may have written JSON that is no object, such as `null`. Then there are no claims. */
export const toClaimObject = (claims: unknown) =>
  typeof claims === 'object' && !Array.isArray(claims) ? { ...(claims as UserRow['claims']) } : {}

export function toManagedUser(row: ManagedColumns): ManagedUser {
  const { disabledAt, disabledUntil, secondFactorAt, factorRecoveryAt } = row
  const claims = toClaimObject(row.claims)
  const hasSecondFactor = secondFactorAt !== null
  return { ...toUser(row), claims, disabledAt, disabledUntil, hasSecondFactor, factorRecoveryAt }
}
