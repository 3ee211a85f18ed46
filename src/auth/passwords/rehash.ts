import { and, eq, sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { type UserRow, users } from '../../db/schema/users.ts'
import type { Passwords } from './passwords.ts'

/** Stores a hash with the current parameters, unless the password has changed in the meantime. @returns the stored hash */
export const createRehash = ({ db, passwords }: { db: Db; passwords: Passwords }) =>
  async function rehash({ id, password: storedHash }: Pick<UserRow, 'id' | 'password'>, password: string) {
    if (!passwords.isOutdated(storedHash)) return storedHash
    const fresh = await passwords.hash(password)
    const isUnchanged = and(eq(users.id, id), eq(users.password, storedHash))
    return db.transaction(async (tx) => {
      // The password stays the same, so webhooks hear of no change.
      await tx.execute(sql`select set_config('servauth.rehash', 'on', true)`)
      const [updated] = await tx
        .update(users)
        .set({ password: fresh })
        .where(isUnchanged)
        .returning({ id: users.id })
      return updated ? fresh : storedHash
    })
  }
