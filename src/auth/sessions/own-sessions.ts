import { and, desc, eq, gt, sql } from 'drizzle-orm'
import { type Caller, identityOf, viewerOf } from '../../contract/caller.ts'
import { SessionId } from '../../contract/inputs.ts'
import { toSession } from '../../contract/session.ts'
import { sessions } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import type { Core } from '../core.ts'
import { record } from '../events/events.ts'
import { endSession, endSessions } from './end-session.ts'

/** The signed-in user's sessions: where somebody is signed in, and the means to end that. */
export function createSessions({ db, sessionCache }: Core) {
  return {
    async sessions(caller: Caller) {
      const { user, sessionId } = await viewerOf(caller)
      const rows = await db
        .select()
        .from(sessions)
        .where(and(eq(sessions.userId, user.id), gt(sessions.expiresAt, sql`now()`)))
        .orderBy(desc(sessions.createdAt), desc(sessions.id))
      return rows.map((row) => toSession(row, sessionId))
    },

    /** One of one's own, the current one included. @throws `NOT_FOUND` for any other id, whatever it is. */
    async revokeSession(id: string, caller: Caller) {
      const { user, session } = await identityOf(caller)
      if (!SessionId.safeParse(id).success) throw new AuthError('NOT_FOUND')
      await db.transaction(async (tx) => {
        const ended = await endSession(tx, id, { userId: user.id })
        if (!ended) throw new AuthError('NOT_FOUND')
        await record(tx, 'sessions_revoked', user.id, caller.client)
      })
      sessionCache.forget(id)
      if (id === session.id) caller.forgetSecret()
      return true
    },

    /** @returns how many were ended */
    async revokeOtherSessions(caller: Caller) {
      const { user, session } = await identityOf(caller)
      const count = await db.transaction(async (tx) => {
        const ended = await endSessions(tx, user.id, session.id)
        if (ended > 0) await record(tx, 'sessions_revoked', user.id, caller.client)
        return ended
      })
      sessionCache.forget(user.id)
      return count
    },
  }
}
