import type { SessionRow } from '../db/schema/sessions.ts'
import type { UserRow } from '../db/schema/users.ts'
import { AuthError, isRefusedCredential, unauthenticated } from '../errors.ts'
import type { User } from './outputs/user.ts'
import { KEY_PREFIX, type PresentedKey, type Scope, type ServiceKey } from './service-key.ts'

/** Where a request comes from, as far as the server can trust it. All fields are cleaned and cut to size. */
export type Client = {
  requestId: string
  ipAddress: string | null
  userAgent: string | null
  /** The device cookie as it was presented. Nothing is proven yet. */
  device: string | null
  /** The languages that it prefers, the best first, as it wrote them. */
  readonly languages: readonly string[]
}

/** The client of work that no request causes: the server's own and an operator's. */
export const NO_CLIENT: Client = {
  requestId: '',
  ipAddress: null,
  userAgent: null,
  device: null,
  languages: [],
}

/**
 * The caller as the database knows it now, for changes. `fresh` if a credential was proven a short time ago. `ages` are
 * the seconds since a credential and since a factor were proven. For a bearer they count from its own `auth_time`.
 */
export type Identity = {
  user: UserRow
  session: SessionRow
  fresh: boolean
  ages: { credential: number; factor: number }
  /** Since the user's roles or claims changed; null if they never have. */
  secondsSinceClaims: number | null
}

/** The caller's public data, possibly from the session cache. For reads only. */
export type Viewer = {
  user: User
  sessionId: string
  /** Whether the account has a second factor, and the session has proven one. */
  hasFactor: boolean
  /** When a factor was last proven, in milliseconds of the monotonic clock; `-Infinity` if none was. */
  factorProvenAt: number
  /** An answer that follows from the user alone, as it was written. `key` is the adapter's name for the request. */
  findAnswer(key: string): string | undefined
  /** Few answers are kept, and only while the cache has the viewer: never beyond a change of the user. */
  keepAnswer(key: string, text: string): void
}

/** The credentials that a request presents. Nothing is proven yet. */
export type Presented = { bearer: string | null; cookie: string | null }

/** The client's side of a request: where it comes from, what it presents, and its cookie. The same for both adapters. */
export type Caller = Presented & {
  client: Client
  /** Whether its answer needs no turn: an operation has started, or the credentials were known. */
  isAdmitted: boolean
  /** Proves the credentials against the database, once a request; null if there are none. */
  identify(): Promise<Identity | null>
  /** The same for reads: a proof of the last moments is enough. Returns without a promise if the cache has it. */
  view(): Viewer | null | Promise<Viewer | null>
  /** The key of another service that the request presents; null if there is none. */
  presentedKey: PresentedKey | null
  /** The service of this key; null if the key is not valid. Returns without a promise if the key is in memory. */
  findService(): ServiceKey | null | Promise<ServiceKey | null>
  /** Puts the secret of a session into the cookie. */
  keepSecret(secret: string): void
  /** Marks the browser as one of the account. The mark authenticates nothing. */
  keepDevice(token: string): void
  /** Deletes the session cookie. */
  forgetSecret(): void
  /** Deletes the session cookie, and asks the browser to forget all cookies of this server. */
  forgetAll(): void
}

/** @throws `UNAUTHENTICATED` without valid credentials. */
export async function identityOf(caller: Caller): Promise<Identity> {
  const identity = await caller.identify()
  if (!identity) throw unauthenticated('MISSING')
  return identity
}

/** Without a promise if the cache has the viewer. @throws `UNAUTHENTICATED` without valid credentials. */
export function viewerOf(caller: Caller): Viewer | Promise<Viewer> {
  const viewer = caller.view()
  return viewer instanceof Promise ? viewer.then(present) : present(viewer)
}

function present(viewer: Viewer | null) {
  if (!viewer) throw unauthenticated('MISSING')
  return viewer
}

/**
 * The service that calls, if its key has the scope. The only place where scopes are checked.
 * @throws `UNAUTHENTICATED` without a valid key, `FORBIDDEN` without the scope
 */
export function serviceOf(caller: Caller, scope: Scope): ServiceKey | Promise<ServiceKey> {
  if (!caller.presentedKey) throw keyRequired('MISSING')
  const service = caller.findService()
  return service instanceof Promise
    ? service.then((found) => requireScope(found, scope))
    : requireScope(service, scope)
}

/**
 * Whether a request comes from a service, and not from a user. The key may not be valid. Browsers send other passwords by
 * Basic, for a proxy on the way.
 */
export const presentsServiceKey = ({ presentedKey }: Caller) =>
  presentedKey?.key.startsWith(KEY_PREFIX) === true

/** The sentence of the code would ask a service to sign in. */
const keyRequired = (reason: 'MISSING' | 'INVALID') =>
  new AuthError('UNAUTHENTICATED', { reason, detail: NO_SERVICE_KEY })

export const NO_SERVICE_KEY = 'This needs a valid service key.'

function requireScope(service: ServiceKey | null, scope: Scope) {
  if (!service) throw keyRequired('INVALID')
  if (service.scopes.has(scope)) return service
  throw new AuthError('FORBIDDEN', {
    permission: scope,
    detail: `The service key does not have the scope ${scope}.`,
  })
}

/** Null without valid credentials. */
export async function findIdentity(caller: Caller): Promise<Identity | null> {
  try {
    return await caller.identify()
  } catch (fault) {
    if (isRefusedCredential(fault)) return null
    throw fault
  }
}
