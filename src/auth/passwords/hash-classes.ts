import { sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { passwordClass, users } from '../../db/schema/users.ts'

/**
 * Lists the classes of all stored password hashes (`classOf`). PostgreSQL reads one row of the index for each class, and
 * not all rows.
 */
export function createHashClasses(db: Db) {
  const ofUser = passwordClass(users.password)
  const next = (condition = sql``) =>
    sql`select ${ofUser} as class from ${users} ${condition} order by ${ofUser} limit 1`
  return async function listHashClasses(): Promise<string[]> {
    const rows = await db.execute<{ class: string }>(sql`
      with recursive classes as (
        (${next()})
        union all
        select (${next(sql`where ${ofUser} > classes.class`)}) from classes where classes.class is not null
      ) select class from classes where class is not null`)
    return rows.map((row) => row.class)
  }
}
