import { and, eq, ne, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { challenges } from '../../db/schema/factors.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { users } from '../../db/schema/users.ts'

/** Ends a session by deleting its row. @returns its user; undefined if no session matches all conditions */
export async function endSession(
  executor: Executor,
  id: string,
  { userId, lineage }: { userId?: string; lineage?: string | undefined } = {},
) {
  const isTarget = and(
    eq(sessions.id, id),
    userId ? eq(sessions.userId, userId) : undefined,
    lineage ? eq(sessions.lineage, lineage) : undefined,
  )
  // Every operation locks the user first. The trigger that ends what the session asked for may change its row.
  await executor.execute(sql`
    select from ${users} where id = (select user_id from ${sessions} where ${isTarget}) for no key update`)
  const [ended] = await executor.delete(sessions).where(isTarget).returning({ userId: sessions.userId })
  return ended
}

/**
 * Ends the sessions of a user, except `exceptId`, and what other clients have begun: a sign-in that waits for its factor
 * must not open a session afterwards.
 * @returns how many of the sessions had not expired
 */
export async function endSessions(executor: Executor, userId: string, exceptId?: string | null) {
  // Every operation locks the user first: two sessions that end each other could deadlock.
  await executor.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('update')
  const others = exceptId ? ne(sessions.id, exceptId) : undefined
  const begunByOthers = exceptId ? sql`${challenges.sessionId} is distinct from ${exceptId}::uuid` : undefined
  // Statements that do not wait for each other share one round trip.
  const [ended] = await Promise.all([
    executor
      .delete(sessions)
      .where(and(eq(sessions.userId, userId), others))
      .returning({ live: sql<boolean>`${sessions.expiresAt} > now()` }),
    executor.delete(challenges).where(and(eq(challenges.userId, userId), begunByOthers)),
  ])
  return ended.filter(({ live }) => live).length
}
