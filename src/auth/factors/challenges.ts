import { hash } from 'node:crypto'
import { and, eq, gt, type Placeholder, sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { secondsFromNow } from '../../db/moments.ts'
import { challenges } from '../../db/schema/factors.ts'
import { createRandomId, hexToUuid } from '../../db/uuid.ts'

type Purpose = (typeof challenges.$inferSelect)['purpose']

/** How long a client has to complete what it has begun. */
export const MAX_CHALLENGE_AGE_SECONDS = 5 * 60

/** The id of the row of a challenge. The client's id is its secret, so the table does not hold it. */
export const toChallengeRowId = (id: string) => hexToUuid(hash('sha256', `challenge ${id}`, 'hex'))

export const challengeExpiresAt = secondsFromNow(MAX_CHALLENGE_AGE_SECONDS)

type Begun = Pick<typeof challenges.$inferInsert, 'purpose' | 'userId' | 'sessionId' | 'secret'>

/** Keeps what a client has begun. @returns the id that it completes it with */
export async function storeChallenge(db: Db, begun: Begun) {
  const id = createRandomId()
  const [row] = await db
    .insert(challenges)
    .values({ ...begun, id: toChallengeRowId(id), expiresAt: challengeExpiresAt })
    .returning({ expiresAt: challenges.expiresAt })
  if (!row) throw new TypeError('The inserted challenge is missing')
  return { id, expiresAt: row.expiresAt }
}

/** The condition of a challenge that can still be completed. */
export const isLiveChallenge = (id: string, purpose: Purpose) => isLiveRow(toChallengeRowId(id), purpose)

export const isLiveRow = (rowId: string | Placeholder, purpose: Purpose) =>
  and(eq(challenges.id, rowId), eq(challenges.purpose, purpose), gt(challenges.expiresAt, sql`now()`))
