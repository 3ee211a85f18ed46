import { and, eq, ne } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'
import { sessions } from '../db/schema.ts'

/** Ends a session for good; its row is what makes it live. @returns whose it was, if it lived and was theirs */
export async function endSession(executor: Executor, id: string, ofUserId?: string) {
  const owned = ofUserId ? eq(sessions.userId, ofUserId) : undefined
  const [ended] = await executor
    .delete(sessions)
    .where(and(eq(sessions.id, id), owned))
    .returning({ userId: sessions.userId })
  return ended
}

/** Ends every session of a user, but one where one is to stay. @returns how many */
export async function endSessions(executor: Executor, userId: string, exceptId?: string | null) {
  const others = exceptId ? ne(sessions.id, exceptId) : undefined
  const ended = await executor
    .delete(sessions)
    .where(and(eq(sessions.userId, userId), others))
    .returning({ id: sessions.id })
  return ended.length
}
