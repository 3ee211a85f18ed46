import { z } from 'zod'
import type { Executor } from '../db/client.ts'

/** What administration and service keys can be allowed to do. Roles may hold other permissions too, for other services. */
export const PERMISSIONS = {
  'users:read': 'Find users, and read an account with its sessions, factors and waits',
  'users:write':
    'Create, invite, disable, enable and delete users, end their sessions, start resets, clear waits; shows these users',
  'roles:read': 'Read roles and their permissions',
  'roles:write': 'Change roles, and give them to users',
  'claims:write': 'Set the claims of users',
  'events:read': 'Read the events of all accounts',
  'mails:read': 'Read the outbox',
  'mails:write': 'Send failed mails again',
  'service-keys:read': 'List service keys',
  'service-keys:write': 'Create and revoke service keys',
  'webhooks:read': 'Read webhooks and their deliveries',
  'webhooks:write': 'Change webhooks, test them, and deliver events again',
  'tokens:introspect': 'Ask whether an access token is valid',
  'revocations:read': 'Listen to the feed of revocations',
} as const

/** A permission that this server checks. */
export type Permission = keyof typeof PERMISSIONS

/** Holds every permission, those of other services included. */
export const ALL_PERMISSIONS = '*'

/** Whether this server checks it, and not another service. */
export const isOfThisServer = (permission: string) =>
  permission === ALL_PERMISSIONS || Object.hasOwn(PERMISSIONS, permission)

export const Permission = z.enum(Object.keys(PERMISSIONS) as [Permission, ...Permission[]])

/** The built-in role that holds everything. It has no row. */
export const ADMIN_ROLE = 'admin'

/** Who acts in an operation of administration: a user, or a service with its key. */
export type Administrator = {
  userId: string | null
  /** The name of the service key; null for a user. */
  serviceKey: string | null
  holds(permission: string): boolean
  /**
   * Reads again what the administrator may do. A change calls it in its transaction after it has waited for a hash or a lock.
   * @throws `UNAUTHENTICATED` or `FORBIDDEN` if it may not do this any more
   */
  assertCurrent(tx: Executor): Promise<void>
}

/** An operator who runs a command on the server, who may do everything. */
export const OPERATOR: Administrator = {
  userId: null,
  serviceKey: null,
  holds: () => true,
  assertCurrent: async () => {},
}
