import { index, jsonb, pgEnum, pgTable, text, uuid, varchar } from 'drizzle-orm/pg-core'
import { createdAt, time, updatedAt } from './columns.ts'
import { users } from './users.ts'

/** The purpose for which a mailed token is valid. */
export const tokenPurpose = pgEnum('token_purpose', [
  'PASSWORD_RESET',
  'EMAIL_VERIFICATION',
  'EMAIL_CHANGE_UNDO',
  'EMAIL_CHANGE_CANCEL',
  'SIGN_IN_REPORT',
  'FACTOR_REMOVAL_UNDO',
  'FACTOR_RECOVERY',
  'INVITATION',
])

/** Better-Auth's table of short-lived values. It holds the mailed tokens. */
export const verifications = pgTable(
  'verification',
  {
    id: uuid().primaryKey().defaultRandom(),
    /** SHA-256 of the token. */
    identifier: varchar({ length: 255 }).notNull().unique(),
    /** The address that the token is about. */
    value: text().notNull(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    purpose: tokenPurpose().notNull(),
    /** The session that asked for the token. An e-mail change does not end this session. */
    sessionId: uuid('session_id'),
    /** When the same link was last mailed again, for a request from a known place and from an unknown place. */
    resentKnownAt: time('resent_known_at'),
    resentUnknownAt: time('resent_unknown_at'),
    expiresAt: time('expires_at').notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (table) => [
    index('verification_user_id_purpose_index').on(table.userId, table.purpose),
    index('verification_value_index').on(table.value),
    index('verification_expires_at_index').on(table.expiresAt),
  ],
)

/**
 * Registrations of addresses that are not verified yet, if verification is required. The id is the id of the mail, so
 * each mailed link activates only the password of its own registration. A row outlives its account: otherwise a stranger
 * who signs in with its password would see that the account is gone.
 */
export const registrations = pgTable(
  'registrations',
  {
    id: uuid().primaryKey(),
    userId: uuid('user_id').references(() => users.id, { onDelete: 'set null' }),
    password: varchar({ length: 255 }).notNull(),
    profile: jsonb().notNull().$type<Record<string, string | null>>(),
    createdAt: createdAt(),
  },
  (table) => [
    index('registrations_user_id_index').on(table.userId),
    index('registrations_password_index').on(table.password),
    index('registrations_created_at_index').on(table.createdAt),
  ],
)
