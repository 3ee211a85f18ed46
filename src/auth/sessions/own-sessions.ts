import { and, desc, eq, gt, sql } from 'drizzle-orm'
import { z } from 'zod'
import { type Caller, identityOf, viewerOf } from '../../contract/caller.ts'
import type { InputOf } from '../../contract/operations.ts'
import { toSession } from '../../contract/outputs/session.ts'
import { sessions } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'
import type { Core } from '../core.ts'
import { recordEvent } from '../events/events.ts'
import { endSession, endSessions } from './end-session.ts'

const SessionId = z.uuid()

/** The signed-in user's own sessions: listed and ended. */
export function createOwnSessions({ db, sessionCache }: Pick<Core, 'db' | 'sessionCache'>) {
  return {
    async sessions(_input: undefined, caller: Caller) {
      const { user, sessionId } = await viewerOf(caller)
      const rows = await db
        .select()
        .from(sessions)
        .where(and(eq(sessions.userId, user.id), gt(sessions.expiresAt, sql`now()`)))
        .orderBy(desc(sessions.createdAt), desc(sessions.id))
      return rows.map((row) => toSession(row, sessionId))
    },

    /** Ends one session of the user, the current one included. @throws `NOT_FOUND` for any other id */
    async revokeSession({ id }: InputOf<'revokeSession'>, caller: Caller) {
      const { user, session } = await identityOf(caller)
      if (!SessionId.safeParse(id).success) throw new AuthError('NOT_FOUND')
      await db.transaction(async (tx) => {
        const ended = await endSession(tx, id, { userId: user.id })
        if (!ended) throw new AuthError('NOT_FOUND')
        await recordEvent(tx, 'sessions_revoked', user.id, caller.client)
      })
      sessionCache.forget(id)
      if (id === session.id) caller.forgetSecret()
      return true
    },

    /** Ends all sessions of the user but this one. @returns how many ended */
    async revokeOtherSessions(_input: undefined, caller: Caller) {
      const { user, session } = await identityOf(caller)
      const count = await db.transaction(async (tx) => {
        const ended = await endSessions(tx, user.id, session.id)
        if (ended > 0) await recordEvent(tx, 'sessions_revoked', user.id, caller.client)
        return ended
      })
      sessionCache.forget(user.id)
      return count
    },
  }
}
