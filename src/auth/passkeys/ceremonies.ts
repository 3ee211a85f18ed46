import { and, eq } from 'drizzle-orm'
import type { Db, Executor } from '../../db/client.ts'
import { secondsFromNow } from '../../db/moments.ts'
import { challenges } from '../../db/schema/factors.ts'
import { isLiveChallenge, toChallengeRowId } from '../factors/challenges.ts'
import { createRandomId } from '../keys/sealed-tokens.ts'
import { MAX_CEREMONY_SECONDS } from './relying-party.ts'

type Purpose = 'PASSKEY_REGISTRATION' | 'PASSKEY_LOGIN'

/** Ceremonies that a browser has begun. Finishing one, or trying to, ends it. */
export function createCeremonies({ db }: { db: Db }) {
  return {
    /** @param owner the session that registers a passkey; a sign-in has none */
    async begin(purpose: Purpose, owner: { userId?: string; sessionId?: string } = {}) {
      const id = createRandomId()
      const [row] = await db
        .insert(challenges)
        .values({
          id: toChallengeRowId(id),
          purpose,
          ...owner,
          expiresAt: secondsFromNow(MAX_CEREMONY_SECONDS),
        })
        .returning({ expiresAt: challenges.expiresAt })
      if (!row) throw new TypeError('The inserted ceremony is missing')
      return { id, expiresAt: row.expiresAt }
    },

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
