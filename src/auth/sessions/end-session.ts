import { and, eq, ne, sql } from 'drizzle-orm'
import type { Executor } from '../../db/client.ts'
import { sessions, users } from '../../db/schema.ts'

/** Ends a session for good; its row is what makes it live. @returns whose it was, if it lived and was as said */
export async function endSession(
  executor: Executor,
  id: string,
  { userId, lineage }: { userId?: string; lineage?: string | undefined } = {},
) {
  const isMeant = and(
    eq(sessions.id, id),
    userId ? eq(sessions.userId, userId) : undefined,
    lineage ? eq(sessions.lineage, lineage) : undefined,
  )
  const [ended] = await executor.delete(sessions).where(isMeant).returning({ userId: sessions.userId })
  return ended
}

/** Ends every session of a user, but one where one is to stay. @returns how many of them had not expired */
export async function endSessions(executor: Executor, userId: string, exceptId?: string | null) {
  // The user first, as everywhere: two that end each other's sessions would lock crosswise.
  await executor.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('update')
  const others = exceptId ? ne(sessions.id, exceptId) : undefined
  const ended = await executor
    .delete(sessions)
    .where(and(eq(sessions.userId, userId), others))
    .returning({ live: sql<boolean>`${sessions.expiresAt} > now()` })
  return ended.filter(({ live }) => live).length
}
