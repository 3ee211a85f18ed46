import { sql } from 'drizzle-orm'
import { type AnyPgColumn, boolean, index, jsonb, pgTable, text, uuid, varchar } from 'drizzle-orm/pg-core'
import { createdAt, time, updatedAt } from './columns.ts'

/** What begins a password hash and says its cost: `classOf` in `auth/passwords/hashes` is the same in TypeScript. */
export const passwordClass = (password: AnyPgColumn) =>
  sql<string>`(coalesce(substring(${password} from '^(\\$2[aby]\\$[0-9]{2}|\\$[a-z0-9-]+(?:\\$[a-z]+=[0-9]+(?:,[a-z]+=[0-9]+)*)*)\\$'), '') collate "C")`

export const users = pgTable(
  'users',
  {
    id: uuid().primaryKey().defaultRandom(),
    email: varchar({ length: 255 }).notNull().unique(),
    emailVerified: boolean('email_verified').notNull().default(false),
    pendingEmail: varchar('pending_email', { length: 255 }),
    /** The session that asked for the pending address. A trigger clears both when that session ends. */
    pendingSessionId: uuid('pending_session_id'),
    /** The Argon2id hash in PHC form; an imported one may be of another kind until the next login. */
    password: varchar({ length: 255 }).notNull(),
    /** While this is set, every password is refused. Only a new password from a mailed link unlocks the account. */
    passwordLockedAt: time('password_locked_at'),
    /** When a sign-in used a breached password for the first time. A trigger clears it when the password changes. */
    passwordBreachedAt: time('password_breached_at'),
    username: varchar({ length: 100 }),
    /** The language of the user's mails, as BCP 47. */
    locale: varchar({ length: 35 }),
    /** Set while the operator has disabled the account: then every sign-in is refused. */
    disabledAt: time('disabled_at'),
    /** When a suspension ends. A trigger clears it with each change of `disabled_at`, so set it after that. */
    disabledUntil: time('disabled_until'),
    /** While this is set, every sign-in needs a factor. A trigger sets it from the table of factors. */
    secondFactorAt: time('second_factor_at'),
    /** When a link from the mailbox may replace the lost factors. Any sign-in with a factor clears it. */
    factorRecoveryAt: time('factor_recovery_at'),
    /** The names of the user's roles, and what access tokens say besides. A trigger sets when either last changed. */
    roles: text().array().notNull().default(sql`'{}'::text[]`),
    claims: jsonb().notNull().default({}).$type<Record<string, unknown>>(),
    claimsChangedAt: time('claims_changed_at'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    // For replicas of the previous version, which look for imported hashes at every failed sign-in.
    index('users_imported_password_index').on(table.id).where(sql`${table.password} not like '$argon2%'`),
    index('users_password_class_index').on(passwordClass(table.password)),
    // Users without a role are not in it, so that it costs a registration nothing.
    index('users_roles_index').using('gin', table.roles).where(sql`${table.roles} <> '{}'`),
    // The lists of administration. By code points, so that a search for the beginning of a text is a range.
    index('users_created_at_index').on(table.createdAt, table.id),
    index('users_email_prefix_index').on(sql`(${table.email} collate "C")`),
    index('users_username_prefix_index')
      .on(sql`lower(${table.username} collate "C")`, table.id)
      .where(sql`${table.username} is not null`),
    index('users_disabled_until_index')
      .on(table.disabledUntil)
      .where(sql`${table.disabledUntil} is not null`),
    index('users_disabled_index').on(table.createdAt, table.id).where(sql`${table.disabledAt} is not null`),
  ],
)

/** What each role allows. The built-in role `admin` has no row. */
export const roles = pgTable('roles', {
  name: varchar({ length: 64 }).primaryKey(),
  permissions: text().array().notNull(),
  changedAt: time('changed_at').notNull().defaultNow(),
})

export type UserRow = typeof users.$inferSelect
