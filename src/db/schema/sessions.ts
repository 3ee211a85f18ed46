import { sql } from 'drizzle-orm'
import { bigint, index, pgEnum, pgTable, uuid, varchar } from 'drizzle-orm/pg-core'
import { createdAt, time, updatedAt } from './columns.ts'
import { users } from './users.ts'

export const sessionTransport = pgEnum('session_transport', ['COOKIE', 'TOKEN'])

export const sessions = pgTable(
  'sessions',
  {
    id: uuid().primaryKey().defaultRandom(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** SHA-256 of the current refresh token. */
    token: varchar({ length: 255 }).notNull().unique(),
    /** SHA-256 of the previous refresh token. It is valid until the grace after the first use of `token` ends. */
    previousToken: varchar('previous_token', { length: 255 }),
    rotatedAt: time('rotated_at'),
    /**
     * When the current token was first used. This starts the grace of the previous token. Older than `rotatedAt` if the
     * current token was not used yet; `infinity` if only its late predecessor was presented.
     */
    tokenUsedAt: time('token_used_at'),
    /** Names the chain of tokens that rotation continues. A changed password starts a new chain. */
    lineage: uuid().notNull().default(sql`gen_random_uuid()`),
    transport: sessionTransport().notNull(),
    /** When a credential was last proven in this session: the password or a factor. */
    authenticatedAt: time('authenticated_at').notNull().defaultNow(),
    /** When a factor was last proven in this session. Null: the session is `aal1`. */
    factorAt: time('factor_at'),
    /** The methods that were proven in this session (RFC 8176), separated by spaces. */
    amr: varchar({ length: 64 }).notNull().default('pwd'),
    lastUsedAt: time('last_used_at').notNull().defaultNow(),
    expiresAt: time('expires_at').notNull(),
    ipAddress: varchar('ip_address', { length: 45 }),
    userAgent: varchar('user_agent', { length: 255 }),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    index('sessions_user_id_created_at_index').on(table.userId, table.createdAt),
    index('sessions_expires_at_index').on(table.expiresAt),
  ],
)

export type SessionRow = typeof sessions.$inferSelect

/** `ENDED`: a session. `CHANGED`: what the tokens of a user say or may do. `ALL`: everything at once, by a TRUNCATE. */
export const revocationKind = pgEnum('revocation_kind', ['ENDED', 'CHANGED', 'ALL'])

/**
 * What ended within the lifetime of an access token. Triggers write it, so that plain SQL counts too, and services read
 * it as a feed.
 */
export const revocations = pgTable(
  'revocations',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    kind: revocationKind().notNull(),
    /** The session of `ENDED`, the user of `CHANGED`. */
    subject: uuid(),
    /** The transaction that wrote it. Readers continue from the oldest transaction that was still running. */
    xid: bigint({ mode: 'bigint' }).notNull().default(sql`pg_current_xact_id()::text::bigint`),
    at: time('at').notNull().default(sql`clock_timestamp()`),
  },
  (table) => [index('revocations_xid_index').on(table.xid), index('revocations_at_index').on(table.at)],
)
