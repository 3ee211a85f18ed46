import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import type { Db } from '../db/client.ts'
import { sessions, users } from '../db/schema.ts'
import { isRefusedCredential, unauthenticated } from '../errors.ts'
import type { AccessTokens } from './access-tokens.ts'
import type { Identity, Presented } from './caller.ts'
import { digest, type RefreshTokens } from './refresh-tokens.ts'
import { GRACE_SECONDS } from './rotation-plugin.ts'

export type Credentials = ReturnType<typeof createCredentials>

/** How long after the password was given a session may do what needs it anew. */
const FRESH_SECONDS = 15 * 60

type Parts = { db: Db; accessTokens: AccessTokens; refreshTokens: RefreshTokens }

/** Finds out whom a presented credential stands for. */
export function createCredentials({ db, accessTokens, refreshTokens }: Parts) {
  const unseen = sql<boolean>`${sessions.lastUsedAt} < now() - interval '1 minute'`
  const liveSession = db
    .select({
      session: getTableColumns(sessions),
      user: getTableColumns(users),
      expired: sql<boolean>`${sessions.expiresAt} <= now()`,
      unseen,
      fresh: sql<boolean>`${sessions.authenticatedAt} > now() - make_interval(secs => ${FRESH_SECONDS}::int)`,
      inGrace: sql<boolean>`coalesce(${sessions.rotatedAt} > now() - make_interval(secs => ${GRACE_SECONDS}::int), false)`,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.id, sql.placeholder('id')))
    .prepare('live_session')

  async function find(id: string) {
    const [found] = await liveSession.execute({ id })
    if (!found) throw unauthenticated('REVOKED')
    if (found.expired) throw unauthenticated('EXPIRED')
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

  return {
    /**
     * A bearer is judged before a cookie; with neither there is nobody.
     * @throws `UNAUTHENTICATED` for a credential that does not hold.
     */
    async resolve({ bearer, cookie }: Presented): Promise<Identity | null> {
      if (bearer !== null) {
        const { sessionId, userId } = await accessTokens.verify(bearer)
        const { session, user, fresh } = await find(sessionId)
        if (user.id !== userId) throw unauthenticated('INVALID')
        return { session, user, fresh }
      }
      if (cookie === null) return null

      const secret = refreshTokens.decode(cookie)
      if (!secret) throw unauthenticated('INVALID')
      const { session, user, fresh, inGrace } = await find(secret.sessionId)
      if (session.transport !== 'COOKIE') throw unauthenticated('INVALID')
      const hash = digest(cookie)
      if (session.token !== hash && !(inGrace && session.previousToken === hash))
        throw unauthenticated('REVOKED')
      return { session, user, fresh }
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
