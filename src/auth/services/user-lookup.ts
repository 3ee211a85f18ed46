import { inArray } from 'drizzle-orm'
import { toUser, type User } from '../../contract/outputs/user.ts'
import type { Db } from '../../db/client.ts'
import { users } from '../../db/schema/users.ts'

/** The public data of the users with these ids, as far as they exist, for a service that may read users. */
export function createUserLookup({ db }: { db: Db }) {
  return async function findUsers(ids: string[]): Promise<Map<string, User>> {
    if (ids.length === 0) return new Map()
    const rows = await db.select().from(users).where(inArray(users.id, ids))
    return new Map(rows.map((row) => [row.id, toUser(row)]))
  }
}
