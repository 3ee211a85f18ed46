import { and, eq, getTableColumns, type SQLWrapper, sql } from 'drizzle-orm'
import type { Identity, Presented, Viewer } from '../../contract/caller.ts'
import { toUser } from '../../contract/outputs/user.ts'
import type { Db } from '../../db/client.ts'
import { sessions, users } from '../../db/schema.ts'
import { isRefusedCredential, unauthenticated } from '../../errors.ts'
import type { AccessTokens } from '../keys/access-tokens.ts'
import { digest } from '../keys/sealed-tokens.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import { GRACE_SECONDS } from './rotation.ts'
import type { SessionCache } from './session-cache.ts'

export type Credentials = ReturnType<typeof createCredentials>

/** How long after the password was given a session may do what needs it anew. */
const FRESH_SECONDS = 15 * 60

/**
 * How long what was found is remembered at most. A cookie is good for the grace after a rotation, of which
 * nobody is told, so for no longer than that.
 */
const REMEMBERED_SECONDS = { bearer: 60, cookie: GRACE_SECONDS }

type Parts = { db: Db; accessTokens: AccessTokens; refreshTokens: RefreshTokens; sessionCache: SessionCache }

/** Finds out whom a presented credential stands for. */
export function createCredentials({ db, accessTokens, refreshTokens, sessionCache }: Parts) {
  const unseen = sql<boolean>`${sessions.lastUsedAt} < now() - interval '1 minute'`
  const secondsUntil = (moment: SQLWrapper) => sql<number>`extract(epoch from ${moment} - now())::float8`
  const liveSession = db
    .select({
      session: getTableColumns(sessions),
      user: getTableColumns(users),
      unseen,
      secondsLeft: secondsUntil(sessions.expiresAt),
      fresh: sql<boolean>`${sessions.authenticatedAt} > now() - make_interval(secs => ${FRESH_SECONDS}::int)`,
      graceSecondsLeft: sql<number>`coalesce(${secondsUntil(sessions.rotatedAt)}, '-infinity') + ${GRACE_SECONDS}::int`,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.id, sql.placeholder('id')))
    .prepare('live_session')

  async function find(id: string) {
    const [found] = await liveSession.execute({ id })
    if (!found || found.user.disabledAt) throw unauthenticated('REVOKED')
    if (found.secondsLeft <= 0) throw unauthenticated('EXPIRED')
    if (found.unseen) markSeen(id)
    return found
  }

  /** At most once a minute, beside the request; a minute that is lost does not matter. */
  function markSeen(id: string) {
    const stale = and(eq(sessions.id, id), unseen)
    db.update(sessions)
      .set({ lastUsedAt: sql`now()` })
      .where(stale)
      .catch(() => {})
  }

  async function proveBearer(bearer: string) {
    const { sessionId, userId, secondsLeft } = await accessTokens.verify(bearer)
    const found = await find(sessionId)
    if (found.user.id !== userId) throw unauthenticated('INVALID')
    return { ...found, goodForSeconds: Math.min(secondsLeft, found.secondsLeft, REMEMBERED_SECONDS.bearer) }
  }

  async function proveCookie(cookie: string) {
    const secret = refreshTokens.decode(cookie)
    if (!secret) throw unauthenticated('INVALID')
    const found = await find(secret.sessionId)
    const { session, secondsLeft, graceSecondsLeft } = found
    if (session.transport !== 'COOKIE') throw unauthenticated('INVALID')
    const hash = digest(cookie)
    const good = { ...found, goodForSeconds: Math.min(secondsLeft, REMEMBERED_SECONDS.cookie) }
    if (session.token === hash) return good
    if (session.previousToken !== hash || graceSecondsLeft <= 0) throw unauthenticated('REVOKED')
    return { ...good, goodForSeconds: Math.min(secondsLeft, graceSecondsLeft) }
  }

  /** A bearer is judged before a cookie. */
  const prove = (bearer: string | null, credential: string) =>
    bearer === null ? proveCookie(credential) : proveBearer(credential)

  return {
    /**
     * As the database knows it now; null where there are no credentials.
     * @throws `UNAUTHENTICATED` for a credential that does not hold.
     */
    async identify({ bearer, cookie }: Presented): Promise<Identity | null> {
      const credential = bearer ?? cookie
      return credential === null ? null : prove(bearer, credential)
    },

    /** The same for who only looks: without a query where it is certain that nothing changed. */
    view({ bearer, cookie }: Presented): Viewer | null | Promise<Viewer> {
      const credential = bearer ?? cookie
      if (credential === null) return null
      // An access token has dots and a secret has none: what is remembered of one is not found as the other.
      const isToken = credential.includes('.')
      const known = isToken === (bearer !== null) ? sessionCache.find(credential) : undefined
      if (known) return known
      const began = performance.now()
      return sessionCache.keep(credential, async () => {
        const { user, session, goodForSeconds } = await prove(bearer, credential)
        return { user: toUser(user), sessionId: session.id, until: began + goodForSeconds * 1000 }
      })
    },

    /** The session that a credential of ours names, dead or alive; null for anything else. */
    async sessionNamedBy(credential: string): Promise<string | null> {
      const secret = refreshTokens.decode(credential)
      if (secret) return secret.sessionId
      const claims = await accessTokens.verifyExpired(credential).catch((fault: unknown) => {
        if (isRefusedCredential(fault)) return null
        throw fault
      })
      return claims?.sessionId ?? null
    },
  }
}
