import { and, asc, desc, eq, gt, sql } from 'drizzle-orm'
import type { Act } from '../../contract/administrator.ts'
import { requireRowId } from '../../contract/fields.ts'
import type { InputOf } from '../../contract/operations.ts'
import { toManagedUser, type UserDetails } from '../../contract/outputs/administration/managed-user.ts'
import { toFactor } from '../../contract/outputs/factors.ts'
import { toSession } from '../../contract/outputs/session.ts'
import type { Db } from '../../db/client.ts'
import { events } from '../../db/schema/events.ts'
import { factors, recoveryCodes } from '../../db/schema/factors.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { users } from '../../db/schema/users.ts'
import { AuthError } from '../../errors.ts'
import { isFactorOf } from '../factors/stored-factors.ts'
import { createLoginWaits } from '../throttle/login-waits.ts'
import { EVENT_COLUMNS } from './event-list.ts'

const MAX_SHOWN_EVENTS = 20

/** Reads one account with everything that helps to support its user. */
export function createUserDetails({ db }: { db: Db }) {
  const loginWaits = createLoginWaits({ db })

  return async function readUser({ id }: InputOf<'user'>, { administrator }: Act): Promise<UserDetails> {
    requireRowId(id)
    const mayReadEvents = administrator.holds('events:read')
    const [[user], live, found, codes, latest] = await Promise.all([
      db.select().from(users).where(eq(users.id, id)),
      db
        .select()
        .from(sessions)
        .where(and(eq(sessions.userId, id), gt(sessions.expiresAt, sql`now()`)))
        .orderBy(desc(sessions.createdAt), desc(sessions.id)),
      db.select().from(factors).where(isFactorOf(id)).orderBy(asc(factors.createdAt)),
      db.$count(recoveryCodes, eq(recoveryCodes.userId, id)),
      mayReadEvents
        ? db
            .select(EVENT_COLUMNS)
            .from(events)
            .where(eq(events.userId, id))
            .orderBy(desc(events.lastAt), desc(events.id))
            .limit(MAX_SHOWN_EVENTS)
        : null,
    ])
    if (!user) throw new AuthError('NOT_FOUND')
    return {
      ...toManagedUser(user),
      sessions: live.map((row) => toSession(row, '')),
      factors: found.map(toFactor),
      recoveryCodes: codes,
      waits: await loginWaits.list(user),
      events: latest,
    }
  }
}
