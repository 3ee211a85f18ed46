import { z } from 'zod'

/** What administration and service keys can be allowed to do. Roles may hold other permissions too, for other services. */
export const PERMISSIONS = {
  'users:read': 'Find users, and read an account with its sessions, factors and waits',
  'users:write':
    'Create, invite, disable, suspend, enable and delete users, end their sessions, start resets, clear waits; shows these users',
  'addresses:write': 'Give the accounts of users another address, whose mailbox then opens them',
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
