import { and, desc, eq, gt, sql } from 'drizzle-orm'
import { type Caller, identityOf, viewerOf } from '../../contract/caller.ts'
import { requireRowId } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import { toSession } from '../../contract/outputs/session.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { param } from '../../db/statements/parameters.ts'
import { pick } from '../../db/statements/pick.ts'
import { prepareRows } from '../../db/statements/row-reader.ts'
import { AuthError } from '../../errors.ts'
import type { Dependencies } from '../dependencies.ts'
import { recordEvent } from '../events/events.ts'
import { endSession, endSessions } from './end-session.ts'
import { lockLiveUser } from './live-session.ts'
import { SESSION_COLUMNS } from './session-columns.ts'

/** Lists and ends the signed-in user's own sessions. Of two sessions that end each other at once, one stays. */
export function createOwnSessions({ db, sessionCache }: Pick<Dependencies, 'db' | 'sessionCache'>) {
  const newestFirst = db
    .select(pick(sessions, SESSION_COLUMNS))
    .from(sessions)
    .where(and(eq(sessions.userId, param('userId')), gt(sessions.expiresAt, sql`now()`)))
    .orderBy(desc(sessions.createdAt), desc(sessions.id))
  const readLiveSessions = prepareRows(db, newestFirst, { isShort: true })

  return {
    async sessions(_input: undefined, caller: Caller) {
      const { user, sessionId } = await viewerOf(caller)
      const rows = await readLiveSessions({ userId: user.id })
      return rows.map((row) => toSession(row, sessionId))
    },

    /** Ends one of the user's sessions; this may be the current one. @throws `NOT_FOUND` for any other id */
    async revokeSession({ id }: InputOf<'revokeSession'>, caller: Caller) {
      const identity = await identityOf(caller)
      const { user, session } = identity
      requireRowId(id)
      await db.transaction(async (tx) => {
        await lockLiveUser(tx, identity)
        const ended = await endSession(tx, id, { userId: user.id })
        if (!ended) throw new AuthError('NOT_FOUND')
        await recordEvent(tx, 'sessions_revoked', user.id, caller.client)
      })
      sessionCache.evict(id)
      if (id === session.id) caller.forgetSecret()
      return true
    },

    /** Ends all of the user's sessions except the current one. @returns how many ended */
    async revokeOtherSessions(_input: undefined, caller: Caller) {
      const identity = await identityOf(caller)
      const { user, session } = identity
      const count = await db.transaction(async (tx) => {
        await lockLiveUser(tx, identity)
        const ended = await endSessions(tx, user.id, session.id)
        if (ended > 0) await recordEvent(tx, 'sessions_revoked', user.id, caller.client)
        return ended
      })
      sessionCache.evict(user.id)
      return count
    },
  }
}
