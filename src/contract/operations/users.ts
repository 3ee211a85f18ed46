import { z } from 'zod'
import { Email, Moment, profile, RoleName, RowId, UserClaims } from '../fields.ts'
import { administrationMutation, administrationQuery } from '../operation.ts'
import {
  ClaimsOfUser,
  ManagedUser,
  RolesOfUser,
  UserConnection,
  UserDetails,
} from '../outputs/administration/managed-user.ts'
import { pageArguments } from '../outputs/page.ts'
import { Text } from '../text.ts'

export const exampleId = '0b8d3f0e-6f0a-4c1e-9d57-3f1d2a7c9b10'
export const id = RowId.meta({ format: 'uuid', examples: [exampleId] })

const UserFilter = z
  .strictObject({
    role: RoleName.nullish(),
    verified: z.boolean().nullish(),
    disabled: z.boolean().nullish(),
    factor: z.boolean().nullish().meta({ description: 'Whether the account has a second factor.' }),
    createdAfter: Moment.nullish(),
    createdBefore: Moment.nullish(),
  })
  .meta({ id: 'UserFilter', description: 'All given conditions must hold.' })

const UserOrder = z.enum(['NEWEST', 'OLDEST', 'ADDRESS']).meta({
  id: 'UserOrder',
  description: '`ADDRESS`: by the code points of the address, so the letters before the @ count first.',
})

const SetUserRolesInput = z
  .strictObject({ id, roles: z.array(RoleName).transform((names) => [...new Set(names)]) })
  .meta({ id: 'SetUserRolesInput' })

const SetUserClaimsInput = z.strictObject({ id, claims: UserClaims }).meta({ id: 'SetUserClaimsInput' })

const CreateUserInput = z
  .strictObject({ email: Email, ...profile, roles: z.array(RoleName).default([]) })
  .meta({ id: 'CreateUserInput' })

const InviteUserInput = z
  .strictObject({ email: Email, roles: z.array(RoleName).default([]) })
  .meta({ id: 'InviteUserInput' })

const SuspendUserInput = z
  .strictObject({
    id,
    until: Moment.meta({ description: 'ISO 8601, in the future.', examples: ['2099-01-31T10:15:00Z'] }),
  })
  .meta({ id: 'SuspendUserInput' })

export const ABOVE = 'Refused for an account that may administer more than the caller.'

/** Accounts: who there is, what they may do, and whether they may sign in. */
export const userOperations = {
  users: administrationQuery({
    summary: 'Find users, the newest first or in another order',
    description:
      'With `search`, which takes no `order`, those whose address or user name begins with the text, in alphabetical order: first by address, then ' +
      'by user name. Cursors stay valid while users come and go.',
    input: z.strictObject({
      ...pageArguments,
      search: Text.max(255, 'Must have at most 255 characters.').optional().meta({
        description: 'The beginning of an address or a user name. The case of A to Z does not matter.',
      }),
      filter: UserFilter.optional(),
      order: UserOrder.optional(),
    }),
    output: UserConnection,
    permission: 'users:read',
    refusals: [],
    rest: { method: 'GET', path: '/auth/admin/users', status: 200 },
  }),

  user: administrationQuery({
    summary: 'An account with its sessions, factors, waits and latest events',
    description: 'Secrets of any kind are left out.',
    input: z.strictObject({ id }),
    output: UserDetails,
    permission: 'users:read',
    refusals: ['NOT_FOUND'],
    rest: { method: 'GET', path: '/auth/admin/users/:id', status: 200 },
  }),

  setUserRoles: administrationMutation({
    summary: 'Give a user these roles and no others',
    description:
      'The caller must hold every permission of the roles that are given or taken; and of all, unless the others keep their ' +
      'order and new ones come after them. Older access tokens of the user are refused as `EXPIRED`, so that its clients ' +
      'refresh. The last administrator keeps its role. Only a holder of every permission adds a role to its own account, or ' +
      'changes their order there.',
    input: SetUserRolesInput,
    example: { id: exampleId, roles: ['support'] },
    output: RolesOfUser,
    permission: 'roles:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'PUT', path: '/auth/admin/users/:id/roles', status: 200 },
  }),

  setUserClaims: administrationMutation({
    summary: 'Set further claims in the access tokens of a user',
    description:
      'Replaces all claims. Names of standards and of this server are reserved. Only a holder of every permission may set ' +
      `claims of its own account. Older access tokens of the user are refused as \`EXPIRED\`. ${ABOVE}`,
    input: SetUserClaimsInput,
    example: { id: exampleId, claims: { plan: 'pro' } },
    output: ClaimsOfUser,
    permission: 'claims:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'PUT', path: '/auth/admin/users/:id/claims', status: 200 },
  }),

  disableUser: administrationMutation({
    summary: 'End all sessions and mailed links of a user, and refuse every sign-in',
    description: `A suspension loses its end. Repeating it changes nothing. ${ABOVE}`,
    input: z.strictObject({ id }),
    output: ManagedUser,
    permission: 'users:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'POST', path: '/auth/admin/users/:id/disable', status: 200 },
  }),

  suspendUser: administrationMutation({
    summary: 'Disable a user until a time',
    description:
      'As `disableUser`, but the user can sign in again about a minute after that time at the latest. Repeating it sets ' +
      `another time, also for a user who was disabled without an end. ${ABOVE}`,
    input: SuspendUserInput,
    example: { id: exampleId, until: '2099-01-31T10:15:00Z' },
    output: ManagedUser,
    permission: 'users:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'POST', path: '/auth/admin/users/:id/suspend', status: 200 },
  }),

  enableUser: administrationMutation({
    summary: 'Let a disabled or suspended user sign in again',
    description: `Ended sessions stay ended. ${ABOVE}`,
    input: z.strictObject({ id }),
    output: ManagedUser,
    permission: 'users:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'POST', path: '/auth/admin/users/:id/enable', status: 200 },
  }),

  endUserSessions: administrationMutation({
    summary: 'Sign a user out everywhere',
    description: `Returns how many sessions ended. Their access tokens are refused at once. ${ABOVE}`,
    input: z.strictObject({ id }),
    output: z
      .int()
      .min(0)
      .meta({ description: 'How many sessions ended.', examples: [2] }),
    permission: 'users:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: {
      method: 'DELETE',
      path: '/auth/admin/users/:id/sessions',
      status: 200,
      wrap: { member: 'revoked', id: 'RevokedOfUser' },
    },
  }),

  endUserSession: administrationMutation({
    summary: 'End one session of a user',
    description:
      '`user` lists the sessions. The other sessions stay, and the access tokens of this one are refused at once. Any id ' +
      `that is no session of this user is \`NOT_FOUND\`. ${ABOVE}`,
    input: z.strictObject({ id, sessionId: id }),
    output: z.boolean(),
    permission: 'users:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'DELETE', path: '/auth/admin/users/:id/sessions/:sessionId', status: 204 },
  }),

  createUser: administrationMutation({
    summary: 'Create an account without a password',
    description:
      'The mailbox gets a link that sets a password. No password works before that, and no administrator learns or chooses ' +
      'one. For `roles`, the caller must hold `roles:write` and every permission of the roles. If addresses must be verified ' +
      'first, a registration of the address that waits for that is deleted, as by `inviteUser`.',
    input: CreateUserInput,
    example: { email: 'ada@example.com', username: 'Ada', roles: [] },
    output: ManagedUser,
    permission: 'users:write',
    handlesCredential: true,
    refusals: ['EMAIL_TAKEN'],
    rest: { method: 'POST', path: '/auth/admin/users', status: 201 },
  }),

  inviteUser: administrationMutation({
    summary: 'Invite a person by mail',
    description:
      'Creates an account without a password, and mails a link for `acceptInvitation`, which is valid for 7 days. For ' +
      `an account that was invited and has not accepted, a new link is mailed, the former one stops working, and the roles are replaced. ${ABOVE}`,
    input: InviteUserInput,
    example: { email: 'ada@example.com', roles: [] },
    output: ManagedUser,
    permission: 'users:write',
    handlesCredential: true,
    refusals: ['EMAIL_TAKEN'],
    rest: { method: 'POST', path: '/auth/admin/invitations', status: 201 },
  }),

  deleteUser: administrationMutation({
    summary: 'Delete an account and everything that belongs to it',
    description: `Its events stay. The last administrator cannot be deleted. ${ABOVE}`,
    input: z.strictObject({ id }),
    output: z.boolean(),
    permission: 'users:write',
    handlesCredential: false,
    refusals: ['NOT_FOUND'],
    rest: { method: 'DELETE', path: '/auth/admin/users/:id', status: 204 },
  }),
}
