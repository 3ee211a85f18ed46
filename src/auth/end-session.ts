import { eq } from 'drizzle-orm'
import type { Executor } from '../db/client.ts'
import { sessions } from '../db/schema.ts'

/** Ends a session for good; its row is what makes it live. */
export async function endSession(db: Executor, id: string) {
  await db.delete(sessions).where(eq(sessions.id, id))
}
