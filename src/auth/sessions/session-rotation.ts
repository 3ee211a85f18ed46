import { and, eq, getTableColumns, isNull, or, sql } from 'drizzle-orm'
import type { Client } from '../../contract/caller.ts'
import type { SessionTransport } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { users } from '../../db/schema/users.ts'
import { AuthError, unauthenticated } from '../../errors.ts'
import { createDirectEndpoint } from '../better-auth/direct-endpoint.ts'
import { recordEvent, toEventValues } from '../events/events.ts'
import { digest } from '../keys/sealed-tokens.ts'
import type { Outbox } from '../mailing/outbox.ts'
import type { Observer } from '../observer.ts'
import type { Places } from '../throttle/places.ts'
import { recordNewPlaces } from './new-places.ts'
import type { RefreshToken, RefreshTokens } from './refresh-tokens.ts'
import { isExpired, prepareRotation } from './rotation-statement.ts'
import type { SessionCache } from './session-cache.ts'
import { isPredecessorValid } from './token-use.ts'

type RotateInput = { token: string; transport: SessionTransport; client: Client }

type Parts = {
  db: Db
  observer?: Observer | undefined
  outbox: Outbox
  places: Places
  refreshTokens: RefreshTokens
  sessionCache: SessionCache
  settings: { SESSION_IDLE_SECONDS: number; SESSION_MAX_SECONDS: number }
}

/**
 * Refresh-token rotation (RFC 9700, section 4.14.2) as a Better-Auth endpoint: `auth.api.rotateSession` returns it. The
 * current token and its valid predecessor both return the current token. So concurrent refreshes and lost replies all
 * end with the same token.
 */
export function createRotateSessionEndpoint({
  db,
  observer,
  outbox,
  places,
  refreshTokens,
  sessionCache,
  settings,
}: Parts) {
  const rotate = prepareRotation(db, settings)

  return createDirectEndpoint(async ({ token, transport, client }: RotateInput) => {
    const presented = refreshTokens.decode(token)
    if (!presented) throw unauthenticated('INVALID')
    const hash = digest(token)
    const successor = refreshTokens.deriveSuccessor(presented)
    const here = places.toPlaces(client)
    const [row] = await rotate({
      sessionId: presented.sessionId,
      hash,
      successorHash: digest(successor),
      transport,
      networkPlace: here.network,
      devicePlace: here.device,
      ...toEventValues('refresh', client),
    })
    if (!row) throw await rejectToken(presented, hash, { transport, client })

    const { session, user, isCurrent, knownPlaces } = row
    const isNewPlace = knownPlaces !== null && knownPlaces < (here.device === null ? 1 : 2)
    if (isNewPlace) await recordNewPlaces(db, user.id, here, client)
    return { session, user, secret: isCurrent ? token : successor }
  })

  /** Finds the reason why a token of this server was not accepted. A reused token ends its session. */
  async function rejectToken(
    presented: RefreshToken,
    hash: string,
    { transport, client }: Omit<RotateInput, 'token'>,
  ) {
    const [session] = await db
      .select({ ...getTableColumns(sessions), expired: isExpired(settings) })
      .from(sessions)
      .innerJoin(users, and(eq(users.id, sessions.userId), isNull(users.disabledAt)))
      .where(eq(sessions.id, presented.sessionId))
    if (!session) return unauthenticated('REVOKED')
    if (session.expired) return unauthenticated('EXPIRED')
    if (session.transport !== transport) return unauthenticated('INVALID')
    // The session got a new lineage when the password changed. An old token is invalid then, but not a sign of theft.
    if (session.lineage !== presented.lineage) return unauthenticated('REVOKED')
    if (await endReusedSession(presented, session.userId, hash, client)) observer?.onRefreshReused()
    sessionCache.evict(session.id)
    return new AuthError('REFRESH_REUSED')
  }

  /** @returns whether it has ended; another request may have been faster */
  async function endReusedSession(
    { sessionId, lineage }: RefreshToken,
    userId: string,
    hash: string,
    client: Client,
  ) {
    const isAccepted = or(eq(sessions.token, hash), and(eq(sessions.previousToken, hash), isPredecessorValid))
    return db.transaction(async (tx) => {
      // Every operation locks the user first. The trigger that ends what the session asked for may change its row.
      await tx.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('no key update')
      const isReused = and(
        eq(sessions.id, sessionId),
        eq(sessions.lineage, lineage),
        sql`not coalesce(${isAccepted}, false)`,
      )
      const [ended] = await tx.delete(sessions).where(isReused).returning()
      if (!ended) return false
      await recordEvent(tx, 'refresh_reused', userId, client)
      const [user] = await tx.select().from(users).where(eq(users.id, userId))
      if (user) await outbox.add(tx, { kind: 'refresh-reused', recipient: user.email, userId: user.id })
      return true
    })
  }
}
