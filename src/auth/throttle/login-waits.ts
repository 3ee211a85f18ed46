import { and, desc, eq, gt, inArray, isNotNull, sql } from 'drizzle-orm'
import type { LoginWait } from '../../contract/outputs/administration/managed-user.ts'
import type { Db, Executor } from '../../db/client.ts'
import { secondsAgo, secondsSince } from '../../db/moments.ts'
import { events } from '../../db/schema/events.ts'
import { places, throttle } from '../../db/schema/throttle.ts'
import type { UserRow } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { digest } from '../keys/sealed-tokens.ts'
import { FAILURES, factorSubject, passwordSubject, WAITS } from './guesses.ts'
import { MAILBOX_PLACE, MAX_PLACES, UNKNOWN_PLACE } from './places.ts'

/** How often the waits of an account can be ended in a day. Else an administrator could guess codes and passwords without any. */
export const MAX_CLEARED = 10
const CLEARED_SECONDS = 24 * 3600

type Account = Pick<UserRow, 'id' | 'email'>

/** The waits of an account after failed attempts, for administrators. */
export function createLoginWaits({ db }: { db: Db }) {
  async function findCounters(executor: Executor, { id, email }: Account) {
    const known = await executor
      .select({ place: places.place })
      .from(places)
      .where(and(eq(places.userId, id), isNotNull(places.signedInAt)))
      .limit(MAX_PLACES)
    return [UNKNOWN_PLACE, MAILBOX_PLACE, ...known.map(({ place }) => place)].flatMap((place) => [
      { place, proof: 'password', key: digest(passwordSubject(email, place)) },
      { place, proof: 'factor', key: digest(factorSubject(id, place)) },
    ])
  }

  const keysOf = (counters: { key: string }[]) =>
    counters.flatMap(({ key }) => [`${FAILURES}:${key}`, `${WAITS}:${key}`])

  async function refuseRepetition(tx: Executor, { id }: Account) {
    const { kind, lastAt, userId } = events
    const isRecent = gt(lastAt, secondsAgo(CLEARED_SECONDS))
    const [last] = await tx
      .select({ age: secondsSince(lastAt) })
      .from(events)
      .where(and(eq(userId, id), eq(kind, 'waits_cleared'), isRecent))
      .orderBy(desc(lastAt))
      .offset(MAX_CLEARED - 1)
      .limit(1)
    if (last) {
      const retryAfter = Math.max(1, Math.ceil(CLEARED_SECONDS - last.age))
      throw new AuthError('TOO_MANY_REQUESTS', { retryAfter })
    }
  }

  return {
    async list(account: Account): Promise<LoginWait[]> {
      const counters = await findCounters(db, account)
      const rows = await db
        .select()
        .from(throttle)
        .where(and(inArray(throttle.key, keysOf(counters)), gt(throttle.expire, sql`now()`)))
      const byKey = new Map(rows.map((row) => [row.key, row]))
      return counters.flatMap(({ place, proof, key }) => {
        const until = byKey.get(`${WAITS}:${key}`)?.expire
        const failures = byKey.get(`${FAILURES}:${key}`)?.points ?? 0
        return until ? [{ place, proof, failures, until }] : []
      })
    },

    /**
     * Also forgets the failures, so that the next attempts cause no wait. Call it before the event is recorded.
     * @returns how many waits ended
     * @throws `TOO_MANY_REQUESTS`
     */
    async clear(tx: Executor, account: Account) {
      await refuseRepetition(tx, account)
      const counters = await findCounters(tx, account)
      const gone = await tx
        .delete(throttle)
        .where(inArray(throttle.key, keysOf(counters)))
        .returning({ key: throttle.key, isLive: sql<boolean>`${throttle.expire} > now()` })
      return gone.filter(({ key, isLive }) => isLive && key.startsWith(`${WAITS}:`)).length
    },
  }
}
