import { and, eq } from 'drizzle-orm'
import type { Db, Executor } from '../../db/client.ts'
import { challenges } from '../../db/schema/factors.ts'
import { isLiveChallenge, storeChallenge } from '../factors/challenges.ts'

type Purpose = 'PASSKEY_REGISTRATION' | 'PASSKEY_LOGIN'

/** Ceremonies that a browser has begun. Finishing one, or trying to, ends it. */
export function createCeremonies({ db }: { db: Db }) {
  return {
    /** @param owner the session that registers a passkey; a sign-in has none */
    begin: (purpose: Purpose, owner: { userId?: string; sessionId?: string } = {}) =>
      storeChallenge(db, { purpose, ...owner }),

    /** Ends a ceremony. Of concurrent calls only one gets true. */
    async finish(executor: Executor, purpose: Purpose, id: string, sessionId?: string) {
      const isOwn = sessionId === undefined ? undefined : eq(challenges.sessionId, sessionId)
      const ended = await executor
        .delete(challenges)
        .where(and(isLiveChallenge(id, purpose), isOwn))
        .returning({ id: challenges.id })
      return ended.length > 0
    },
  }
}
