import { drizzleAdapter } from 'better-auth/adapters/drizzle'
import { APIError } from 'better-auth/api'
import type { BetterAuthOptions, DBAdapter, DBTransactionAdapter } from 'better-auth/types'
import { eq, sql } from 'drizzle-orm'
import { type Db, type Executor, isUniqueViolation } from '../../db/client.ts'
import { jwks, sessions, type UserRow, users, verifications } from '../../db/schema.ts'
import { AuthError } from '../../errors.ts'

type Row = Record<string, unknown>

/** Before the hash of a password that is never right. */
export const LOCK = '!'

/** What is made, and what goes with it on the same transaction, is for the product to say. */
type Makers = {
  registered(executor: Executor, user: Row): Promise<void>
  openSession(executor: Executor, data: Row): Promise<Row>
}

const schema = { user: users, session: sessions, verification: verifications, jwks }

/**
 * Better-Auth's storage on our tables. Its Drizzle adapter does the work; in front of it
 * - the credential account, which Better-Auth keeps in a table of its own, is read from `users.password`;
 * - sessions are made by us, with their tokens hashed, and handed back with the token in clear, or the
 *   client would get the hash;
 * - times come from the database's clock, the one clock that all replicas share.
 */
export function createStorage(db: Db, makers: Makers) {
  // What every login asks; building the question takes longer than asking it.
  const userByEmail = db
    .select()
    .from(users)
    .where(eq(users.email, sql.placeholder('email')))
    .prepare('user_by_email')

  return (options: BetterAuthOptions): DBAdapter => {
    const open = (executor: Executor) => drizzleAdapter(executor, { provider: 'pg', schema })(options)
    const adapter = open(db)
    return {
      ...adapter,
      create: creating(adapter, db, makers),
      findOne: async (query) => {
        const [sought] = query.where
        if (!query.join?.account || sought?.field !== 'email') return adapter.findOne(query)
        const [user] = await userByEmail.execute({ email: sought.value })
        return (user ? { ...user, name: user.username, account: [credentialOf(user)] } : null) as never
      },
      transaction: (work) =>
        db.transaction((tx) => {
          const inside = open(tx)
          return work({ ...inside, create: creating(inside, tx, makers) })
        }),
    }
  }
}

function creating(adapter: DBTransactionAdapter, executor: Executor, makers: Makers): DBAdapter['create'] {
  const now = sql`now()`
  const creators: Record<string, (data: Row) => Promise<Row>> = {
    async user(data) {
      const user = await adapter.create<Row>({
        model: 'user',
        data: { ...data, createdAt: now, updatedAt: now },
      })
      await makers.registered(executor, user)
      return user
    },
    // The hash is in the user's row already: the sign-up hook puts it there.
    account: async (data) => data,
    session: (data) => makers.openSession(executor, data),
  }

  return async (query) => {
    const create = creators[query.model] ?? ((data) => adapter.create({ ...query, data }))
    return (await create(query.data as Row).catch(carry)) as never
  }
}

/** A disabled account's password is locked, as in a shadow file: it is still hashed against, and never right. */
function credentialOf({ id, password, disabledAt }: UserRow) {
  const locked = disabledAt ? `${LOCK}${password}` : password
  return { id, userId: id, accountId: id, providerId: 'credential', password: locked }
}

/** Better-Auth lets only errors of its own through a failed sign-up, so ours travel inside of one. */
function carry(fault: unknown): never {
  const error = new APIError('INTERNAL_SERVER_ERROR')
  error.cause = isUniqueViolation(fault) ? new AuthError('EMAIL_TAKEN', { cause: fault }) : fault
  throw error
}
