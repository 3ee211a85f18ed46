import type { SessionRow, UserRow } from '../db/schema.ts'
import { isRefusedCredential, unauthenticated } from '../errors.ts'
import type { User } from './outputs.ts'

/** Where a request comes from, as far as it may be believed; all cleaned and cut to size. */
export type Client = { requestId: string; ipAddress: string | null; userAgent: string | null }

/** Whoever acts without a request: the server itself, or its operator beside it. */
export const NO_CLIENT: Client = { requestId: '', ipAddress: null, userAgent: null }

/**
 * Whom a credential stands for, for a change: as the database knows it now. `fresh` when the password was
 * given a short while ago.
 */
export type Identity = { user: UserRow; session: SessionRow; fresh: boolean }

/** Whom a credential stands for, for a look: what is public, and possibly remembered. */
export type Viewer = { user: User; sessionId: string }

/** Credentials as they were presented: unproven. */
export type Presented = { bearer: string | null; cookie: string | null }

/**
 * The other side of a request, as the service sees it: where it comes from, what it presented,
 * and its cookie jar. Neither door nor protocol shows through.
 */
export type Caller = Presented & {
  client: Client
  /** Proves the credentials against the database, once a request; null when there are none. */
  identify(): Promise<Identity | null>
  /** The same where nothing is changed: a proof of the last moments is good enough, and at hand without waiting. */
  view(): Viewer | null | Promise<Viewer | null>
  /** Puts a session's secret into the cookie, or takes the cookie back. */
  keepSecret(secret: string): void
  forgetSecret(): void
}

/** @throws `UNAUTHENTICATED` without valid credentials. */
export async function identityOf(caller: Caller): Promise<Identity> {
  const identity = await caller.identify()
  if (!identity) throw unauthenticated('MISSING')
  return identity
}

/** Without waiting where it is at hand. @throws `UNAUTHENTICATED` without valid credentials. */
export function viewerOf(caller: Caller): Viewer | Promise<Viewer> {
  const viewer = caller.view()
  return viewer instanceof Promise ? viewer.then(present) : present(viewer)
}

function present(viewer: Viewer | null) {
  if (!viewer) throw unauthenticated('MISSING')
  return viewer
}

/** Whoever the caller was before signing in; a credential that does not hold is nobody's. */
export async function formerIdentity(caller: Caller): Promise<Identity | null> {
  try {
    return await caller.identify()
  } catch (fault) {
    if (isRefusedCredential(fault)) return null
    throw fault
  }
}
