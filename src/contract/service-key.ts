import { z } from 'zod'
import { PERMISSIONS, type Permission } from './permissions.ts'

/** What a service key may do: the permissions that endpoints and operations name. */
export type Scope = Permission
export const SCOPES = Object.keys(PERMISSIONS) as Scope[]

/** The scopes of a service that only verifies access tokens. Entries of `SERVICE_KEYS` have them too. */
export const VERIFIER_SCOPES: readonly Scope[] = ['tokens:introspect', 'revocations:read']

/** The key of another service, as it was found. `id`: of the key, the same for all that present it. */
export type ServiceKey = { id: string; name: string; scopes: ReadonlySet<Scope> }

/** The name of a service. */
export const ServiceName = z
  .string()
  .regex(/^[\w.-]{1,40}$/, 'Must have at most 40 letters, digits and . _ -')

/** The beginning of every service key. */
export const KEY_PREFIX = 'servauth_'

/** A key that a request presents. With Basic, it comes with the name of its service. */
export type PresentedKey = { key: string; name: string | null }
