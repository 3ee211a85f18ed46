import { drizzleAdapter } from 'better-auth/adapters/drizzle'
import type { BetterAuthOptions, DBAdapter } from 'better-auth/types'
import { eq, sql } from 'drizzle-orm'
import type { Db } from '../../db/client.ts'
import { jwks } from '../../db/schema/keys.ts'
import { verifications } from '../../db/schema/mailed-tokens.ts'
import { sessions } from '../../db/schema/sessions.ts'
import { users } from '../../db/schema/users.ts'

const schema = { user: users, session: sessions, verification: verifications, jwks }

/** Connects Better-Auth to our tables through its Drizzle adapter. */
export function createStorage(db: Db) {
  // Every login runs this query. It is prepared once, because building it takes longer than running it.
  const userByEmail = db
    .select()
    .from(users)
    .where(eq(users.email, sql.placeholder('email')))
    .prepare('user_by_email')

  return (options: BetterAuthOptions): DBAdapter => {
    const adapter = drizzleAdapter(db, { provider: 'pg', schema })(options)
    return {
      ...adapter,
      findOne: async (query) => {
        const [condition] = query.where
        if (query.model !== 'user' || condition?.field !== 'email') return adapter.findOne(query)
        const [user] = await userByEmail.execute({ email: condition.value })
        return (user ?? null) as never
      },
    }
  }
}
