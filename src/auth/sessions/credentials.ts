import { and, eq, getTableColumns, not, sql } from 'drizzle-orm'
import type { Identity, Presented, Viewer } from '../../contract/caller.ts'
import { FRESHNESS_SECONDS, GRACE_SECONDS } from '../../contract/lifetimes.ts'
import { toUser } from '../../contract/outputs/user.ts'
import type { Db } from '../../db/client.ts'
import { secondsAgo, secondsSince, secondsUntil } from '../../db/moments.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { users } from '../../db/schema/users.ts'
import { param } from '../../db/statements/parameters.ts'
import { isRefusedCredential, unauthenticated } from '../../errors.ts'
import { hasProvenFactor } from '../factors/required-factor.ts'
import type { AccessTokens } from '../keys/access-tokens.ts'
import { digest } from '../keys/sealed-tokens.ts'
import { secondsSinceClaims, type TokenClaims } from '../keys/token-claims.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import type { SessionCache } from './session-cache.ts'
import { isTokenUsed, timeOfUse } from './token-use.ts'

/**
 * How long a credential stays in the cache. Neither a rotation nor the first use of a token NOTIFYs, so a cookie stays no
 * longer than the grace. That is never too long: a current cookie is used before it is cached, and a session rotates only
 * a grace after that. A predecessor is cached only after the use of its successor, and until its own end.
 */
export const MAX_CACHE_SECONDS = { bearer: 60, cookie: GRACE_SECONDS }

type Parts = {
  db: Db
  accessTokens: AccessTokens
  refreshTokens: RefreshTokens
  sessionCache: SessionCache
  tokenClaims: TokenClaims
}

/** Finds the caller of a request by its credential. */
export function createCredentials({ db, accessTokens, refreshTokens, sessionCache, tokenClaims }: Parts) {
  const isLastUseOld = sql<boolean>`${sessions.lastUsedAt} < now() - interval '1 minute'`
  const liveSession = db
    .select({
      session: getTableColumns(sessions),
      user: getTableColumns(users),
      isLastUseOld,
      secondsLeft: secondsUntil(sessions.expiresAt),
      fresh: sql<boolean>`${sessions.authenticatedAt} > ${secondsAgo(FRESHNESS_SECONDS)}`,
      ages: {
        credential: secondsSince(sessions.authenticatedAt),
        factor: sql<number>`coalesce(${secondsSince(sessions.factorAt)}, 'infinity')`,
      },
      secondsSinceClaims,
      isTokenUsed,
      graceSecondsLeft: sql<number>`case when ${isTokenUsed} then ${secondsUntil(sessions.tokenUsedAt)} + ${GRACE_SECONDS}::int
        else 'infinity' end`,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.id, param('id')))
    .prepare('live_session')

  async function findLiveSession(id: string) {
    const [row] = await liveSession.execute({ id })
    if (!row || row.user.disabledAt) throw unauthenticated('REVOKED')
    if (row.secondsLeft <= 0) throw unauthenticated('EXPIRED')
    if (row.isLastUseOld) updateLastUse(id)
    return row
  }

  /** At most once a minute. The request does not wait for it, and a lost update does not matter. */
  function updateLastUse(id: string) {
    db.update(sessions)
      .set({ lastUsedAt: sql`now()` })
      .where(and(eq(sessions.id, id), isLastUseOld))
      .catch(() => {})
  }

  /** Starts the grace of the predecessor. It is awaited, since the rule against theft depends on it. */
  async function recordUse(id: string, hash: string) {
    await db
      .update(sessions)
      .set({ tokenUsedAt: timeOfUse })
      .where(and(eq(sessions.id, id), eq(sessions.token, hash), not(isTokenUsed)))
  }

  async function proveBearer(bearer: string) {
    const { sessionId, userId, secondsLeft, authenticatedAt, claims } = await accessTokens.verify(bearer)
    const live = await findLiveSession(sessionId)
    if (live.user.id !== userId) throw unauthenticated('INVALID')
    // The client refreshes, and its next token says what is true now.
    if (!(await tokenClaims.isCurrent(claims, live.user))) throw unauthenticated('EXPIRED')
    // Other services see bearers. So an old one shows no proof that was given in its session since it was issued.
    const tokenAge = live.ages.credential + live.session.authenticatedAt.getTime() / 1000 - authenticatedAt
    const ages = {
      credential: Math.max(tokenAge, live.ages.credential),
      factor: Math.max(tokenAge, live.ages.factor),
    }
    return {
      ...live,
      ages,
      validForSeconds: Math.min(secondsLeft, live.secondsLeft, MAX_CACHE_SECONDS.bearer),
    }
  }

  async function proveCookie(cookie: string) {
    const secret = refreshTokens.decode(cookie)
    if (!secret) throw unauthenticated('INVALID')
    const live = await findLiveSession(secret.sessionId)
    const { session, secondsLeft, graceSecondsLeft } = live
    if (session.transport !== 'COOKIE') throw unauthenticated('INVALID')
    const hash = digest(cookie)
    if (session.token === hash) {
      if (session.rotatedAt && !live.isTokenUsed) await recordUse(session.id, hash)
      return { ...live, validForSeconds: Math.min(secondsLeft, MAX_CACHE_SECONDS.cookie) }
    }
    if (session.previousToken !== hash || graceSecondsLeft <= 0) throw unauthenticated('REVOKED')
    // The first use of its successor may be a rotation, which ends this cookie at once. So it is not cached before that.
    const maxSeconds = live.isTokenUsed ? MAX_CACHE_SECONDS.cookie : 0
    return { ...live, validForSeconds: Math.min(secondsLeft, graceSecondsLeft, maxSeconds) }
  }

  /** If a request has both, the bearer token decides. */
  const prove = (bearer: string | null, credential: string) =>
    bearer === null ? proveCookie(credential) : proveBearer(credential)

  return {
    /**
     * Reads the caller from the database, for changes. Null if the request has no credentials.
     * @throws `UNAUTHENTICATED` for an invalid credential
     */
    async identify({ bearer, cookie }: Presented): Promise<Identity | null> {
      const credential = bearer ?? cookie
      return credential === null ? null : prove(bearer, credential)
    },

    /** Finds the caller for reads. Answers from the cache, without a query and a promise, if the cache is certain. */
    view({ bearer, cookie }: Presented): Viewer | null | Promise<Viewer> {
      const credential = bearer ?? cookie
      if (credential === null) return null
      // Access tokens contain dots and session secrets do not. One in the place of the other is refused before it finds
      // the entry or the load of a request that presents it in its own place.
      if (credential.includes('.') !== (bearer !== null)) return Promise.reject(unauthenticated('INVALID'))
      const cached = sessionCache.get(credential)
      if (cached) return cached
      const startedAt = performance.now()
      return sessionCache.load(credential, async () => {
        const { user, session, ages, validForSeconds } = await prove(bearer, credential)
        const hasFactor = hasProvenFactor(user, session)
        const until = startedAt + validForSeconds * 1000
        const factorProvenAt = startedAt - ages.factor * 1000
        return { user: toUser(user), sessionId: session.id, hasFactor, factorProvenAt, until }
      })
    },

    /** Returns the session id in a credential. The session may have ended. Null if this server did not create it. */
    async findSessionId(credential: string): Promise<string | null> {
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
