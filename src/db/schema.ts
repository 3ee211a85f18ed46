import { relations, sql } from 'drizzle-orm'
import { boolean, index, pgEnum, pgTable, text, timestamp, uuid, varchar } from 'drizzle-orm/pg-core'

const time = (name: string) => timestamp(name, { withTimezone: true })
const createdAt = () => time('created_at').notNull().defaultNow()
/** Kept current by a trigger, so that a change by plain SQL counts too. */
const updatedAt = () => time('updated_at').notNull().defaultNow()

export const users = pgTable('users', {
  id: uuid().primaryKey().defaultRandom(),
  email: varchar({ length: 255 }).notNull().unique(),
  emailVerified: boolean('email_verified').notNull().default(false),
  pendingEmail: varchar('pending_email', { length: 255 }),
  /** The Argon2id hash in PHC form. */
  password: varchar({ length: 255 }).notNull(),
  username: varchar({ length: 100 }),
  createdAt: createdAt(),
  updatedAt: updatedAt(),
})

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
    /** SHA-256 of the one before it, good during the grace that `rotatedAt` began. */
    previousToken: varchar('previous_token', { length: 255 }),
    rotatedAt: time('rotated_at'),
    /** Names the chain of tokens that rotation continues; a changed password begins a new one. */
    lineage: uuid().notNull().default(sql`gen_random_uuid()`),
    transport: sessionTransport().notNull(),
    /** When the password was last given in this session. */
    authenticatedAt: time('authenticated_at').notNull().defaultNow(),
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

/** Better-Auth's short-lived values: the hashes of mailed tokens. */
export const verifications = pgTable(
  'verification',
  {
    id: uuid().primaryKey().defaultRandom(),
    identifier: varchar({ length: 255 }).notNull(),
    value: text().notNull(),
    expiresAt: time('expires_at').notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    index('verification_identifier_index').on(table.identifier),
    index('verification_expires_at_index').on(table.expiresAt),
  ],
)

/** Better-Auth's signing keys; the private half is encrypted with `AUTH_SECRET`. */
export const jwks = pgTable('jwks', {
  id: uuid().primaryKey().defaultRandom(),
  publicKey: text('public_key').notNull(),
  privateKey: text('private_key').notNull(),
  alg: varchar({ length: 16 }),
  crv: varchar({ length: 16 }),
  createdAt: createdAt(),
  expiresAt: time('expires_at'),
})

export const usersRelations = relations(users, ({ many }) => ({ sessions: many(sessions) }))
export const sessionsRelations = relations(sessions, ({ one }) => ({
  user: one(users, { fields: [sessions.userId], references: [users.id] }),
}))

export type UserRow = typeof users.$inferSelect
export type SessionRow = typeof sessions.$inferSelect
