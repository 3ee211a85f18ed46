import { drizzleAdapter } from 'better-auth/adapters/drizzle'
import { APIError } from 'better-auth/api'
import type { BetterAuthOptions, DBAdapter, DBTransactionAdapter } from 'better-auth/types'
import { sql } from 'drizzle-orm'
import { type Db, isUniqueViolation } from '../db/client.ts'
import { jwks, sessions, users, verifications } from '../db/schema.ts'
import { AuthError } from '../errors.ts'
import { digest } from './refresh-tokens.ts'

type Row = Record<string, unknown>
type Settings = { SESSION_IDLE_SECONDS: number; SESSION_MAX_SECONDS: number }

/**
 * Better-Auth's storage on our tables. Its Drizzle adapter does the work; in front of it
 * - the credential account, which Better-Auth keeps in a table of its own, is read from `users.password`;
 * - session tokens are hashed on the way in and put back on the way out, or the client would get the hash;
 * - times come from the database's clock, the one clock that all replicas share.
 */
export function createStorage(db: Db, settings: Settings) {
  const schema = { user: users, session: sessions, verification: verifications, jwks }
  const open = drizzleAdapter(db, { provider: 'pg', schema, transaction: true })
  return (options: BetterAuthOptions): DBAdapter => {
    const adapter = open(options)
    return {
      ...adapter,
      ...onOurTables(adapter, settings),
      transaction: (work) => adapter.transaction((tx) => work({ ...tx, ...onOurTables(tx, settings) })),
    }
  }
}

function onOurTables(
  adapter: DBTransactionAdapter,
  settings: Settings,
): Pick<DBAdapter, 'create' | 'findOne'> {
  const now = sql`now()`
  const idle = sql`least(${settings.SESSION_IDLE_SECONDS}::int, ${settings.SESSION_MAX_SECONDS}::int)`

  const creators: Record<string, (data: Row) => Promise<Row>> = {
    user: (data) => adapter.create({ model: 'user', data: { ...data, createdAt: now, updatedAt: now } }),
    // The hash is in the user's row already: the sign-up hook puts it there.
    account: async (data) => data,
    async session(data) {
      const expiresAt = sql`now() + make_interval(secs => ${idle})`
      const stored = { ...data, token: digest(String(data.token)), createdAt: now, updatedAt: now, expiresAt }
      const row = await adapter.create<Row>({ model: 'session', data: stored, forceAllowId: true })
      return { ...row, token: data.token }
    },
  }

  return {
    create: async (query) => {
      const create = creators[query.model] ?? ((data) => adapter.create({ ...query, data }))
      return (await create(query.data as Row).catch(carry)) as never
    },
    findOne: async (query) => {
      if (query.model !== 'user' || !query.join?.account) return adapter.findOne(query)
      const user = await adapter.findOne<Row>({ model: 'user', where: query.where })
      return (user && { ...user, account: [credentialOf(user)] }) as never
    },
  }
}

function credentialOf({ id, password }: Row) {
  return { id, userId: id, accountId: id, providerId: 'credential', password }
}

/** Better-Auth lets only errors of its own through a failed sign-up, so ours travel inside of one. */
function carry(fault: unknown): never {
  const error = new APIError('INTERNAL_SERVER_ERROR')
  error.cause = isUniqueViolation(fault) ? new AuthError('EMAIL_TAKEN', { cause: fault }) : fault
  throw error
}
