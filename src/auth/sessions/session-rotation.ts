import { createAuthEndpoint } from 'better-auth/api'
import { and, eq, exists, getTableColumns, gt, isNull, ne, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Client } from '../../contract/caller.ts'
import type { SessionTransport } from '../../contract/fields.ts'
import type { Db } from '../../db/client.ts'
import { events, sessions, users } from '../../db/schema.ts'
import { AuthError, unauthenticated } from '../../errors.ts'
import { recordEvent } from '../events/events.ts'
import { digest } from '../keys/sealed-tokens.ts'
import type { Outbox } from '../mailing/outbox.ts'
import type { Observer } from '../observer.ts'
import type { RefreshToken, RefreshTokens } from './refresh-tokens.ts'
import type { SessionCache } from './session-cache.ts'

/** How long the previous token stays valid. A session rotates at most once in this time. */
export const GRACE_SECONDS = 30

type RotateInput = { token: string; transport: SessionTransport; client: Client }

type Parts = {
  db: Db
  observer?: Observer | undefined
  outbox: Outbox
  refreshTokens: RefreshTokens
  sessionCache: SessionCache
  settings: { SESSION_IDLE_SECONDS: number; SESSION_MAX_SECONDS: number }
}

/**
 * Refresh-token rotation (RFC 9700, section 4.14.2) as a Better-Auth endpoint: `auth.api.rotateSession`. Within the grace
 * period after a rotation, the previous token and the current one both return the current token. So concurrent
 * refreshes and lost responses all end with the same token.
 */
export function createRotateSessionEndpoint({
  db,
  observer,
  outbox,
  refreshTokens,
  sessionCache,
  settings,
}: Parts) {
  const grace = sql`make_interval(secs => ${GRACE_SECONDS}::int)`
  const idle = sql`make_interval(secs => ${settings.SESSION_IDLE_SECONDS}::int)`
  const absolute = sql`make_interval(secs => ${settings.SESSION_MAX_SECONDS}::int)`

  const param = (name: string) => sql.placeholder(name)
  const isCurrent = eq(sessions.token, param('hash'))
  const isDue = sql`${isCurrent} and coalesce(${sessions.rotatedAt} <= now() - ${grace}, true)`
  const rotated = db.$with('rotated').as(
    db
      .update(sessions)
      .set({
        token: sql`case when ${isDue} then ${param('successorHash')} else ${sessions.token} end`,
        previousToken: sql`case when ${isDue} then ${sessions.token} else ${sessions.previousToken} end`,
        rotatedAt: sql`case when ${isDue} then now() else ${sessions.rotatedAt} end`,
        expiresAt: sql`least(now() + ${idle}, ${sessions.createdAt} + ${absolute})`,
        lastUsedAt: sql`now()`,
      })
      .where(
        and(
          eq(sessions.id, param('sessionId')),
          gt(sessions.expiresAt, sql`now()`),
          eq(sessions.transport, param('transport')),
          or(
            isCurrent,
            and(eq(sessions.previousToken, param('hash')), gt(sessions.rotatedAt, sql`now() - ${grace}`)),
          ),
          exists(
            sql`(select from ${users} where ${users.id} = ${sessions.userId} and ${isNull(users.disabledAt)})`,
          ),
        ),
      )
      .returning(),
  )
  const recorded = db.$with('recorded', {}).as(sql`
    insert into ${events} (kind, user_id, request_id, ip_address, user_agent)
    select 'refresh', user_id, ${param('requestId')}, ${param('ipAddress')}, ${param('userAgent')}
    from rotated where rotated_at = now()`)
  const rotation = db
    .with(rotated, recorded)
    .select()
    .from(rotated)
    .innerJoin(users, eq(users.id, rotated.userId))
    .prepare('rotate_session')

  return createAuthEndpoint.serverOnly(
    { method: 'POST', body: z.custom<RotateInput>() },
    async ({ body }) => {
      const presented = refreshTokens.decode(body.token)
      if (!presented) throw unauthenticated('INVALID')
      const hash = digest(body.token)
      const successor = refreshTokens.deriveSuccessor(presented)
      const [row] = await rotation.execute({
        sessionId: presented.sessionId,
        hash,
        successorHash: digest(successor),
        transport: body.transport,
        ...body.client,
      })
      if (!row) throw await rejectToken(presented, hash, body)

      const { rotated: session, users: user } = row
      return { session, user, secret: session.token === hash ? body.token : successor }
    },
  )

  /** Finds the reason why a token of this server was not accepted. A reused token ends its session. */
  async function rejectToken(
    { sessionId, lineage }: RefreshToken,
    hash: string,
    { transport, client }: RotateInput,
  ) {
    const [session] = await db
      .select({ ...getTableColumns(sessions), expired: sql<boolean>`${sessions.expiresAt} <= now()` })
      .from(sessions)
      .innerJoin(users, and(eq(users.id, sessions.userId), isNull(users.disabledAt)))
      .where(eq(sessions.id, sessionId))
    if (!session) return unauthenticated('REVOKED')
    if (session.expired) return unauthenticated('EXPIRED')
    if (session.transport !== transport) return unauthenticated('INVALID')
    // The session got a new lineage when the password changed. An old token is invalid then, but not a sign of theft.
    if (session.lineage !== lineage) return unauthenticated('REVOKED')

    const isEnded = await db.transaction(async (tx) => {
      const isReused = and(
        eq(sessions.id, sessionId),
        eq(sessions.lineage, lineage),
        ne(sessions.token, hash),
      )
      const [ended] = await tx.delete(sessions).where(isReused).returning()
      if (!ended) return false
      await recordEvent(tx, 'refresh_reused', ended.userId, client)
      const [user] = await tx.select().from(users).where(eq(users.id, ended.userId))
      if (user) await outbox.add(tx, { kind: 'refresh-reused', recipient: user.email, userId: user.id })
      return true
    })
    if (isEnded) observer?.onRefreshReused()
    sessionCache.evict(sessionId)
    return new AuthError('REFRESH_REUSED')
  }
}
