import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  index,
  integer,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core'
import { createdAt, time } from './columns.ts'
import { sessionTransport } from './sessions.ts'
import { users } from './users.ts'

export const factorKind = pgEnum('factor_kind', ['TOTP', 'PASSKEY'])

/** Second factors. A removed one is kept while its removal can be undone. */
export const factors = pgTable(
  'factors',
  {
    id: uuid().primaryKey().defaultRandom(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    kind: factorKind().notNull(),
    name: varchar({ length: 100 }),
    /** TOTP: the key, encrypted. */
    secret: text(),
    /** TOTP: the time step of the newest code that was accepted. Older codes are refused (RFC 6238, section 5.2). */
    lastStep: integer('last_step'),
    /** Passkey: its id and its public key (COSE), as Base64url. */
    credentialId: text('credential_id').unique(),
    publicKey: text('public_key'),
    /** Passkey: the highest counter that it has sent. Keys without a counter send 0. */
    signCount: bigint('sign_count', { mode: 'number' }).notNull().default(0),
    /** Passkey: whether its user's other devices get it too. Null if an import did not know: its first use says so. */
    isSynced: boolean('is_synced').default(false),
    /** Passkey: what its device stores as the handle of the account, as Base64url. Null for the handle of this server. */
    userHandle: text('user_handle'),
    /** Passkey: whether it counts only beside the password, because no device has verified its user yet. */
    needsPassword: boolean('needs_password').notNull().default(false),
    lastUsedAt: time('last_used_at'),
    removedAt: time('removed_at'),
    createdAt: createdAt(),
  },
  (table) => [
    index('factors_user_id_index').on(table.userId),
    index('factors_removed_at_index').on(table.removedAt).where(sql`${table.removedAt} is not null`),
  ],
)

export type FactorRow = typeof factors.$inferSelect

/** SHA-256 of the recovery codes that were not used yet. */
export const recoveryCodes = pgTable(
  'recovery_codes',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    hash: varchar({ length: 64 }).notNull(),
    createdAt: createdAt(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.hash] })],
)

export const challengePurpose = pgEnum('challenge_purpose', [
  'SIGN_IN',
  'TOTP_ENROLLMENT',
  'PASSKEY_REGISTRATION',
  'PASSKEY_LOGIN',
])

/** What a client has begun and must complete with a proof: a sign-in, an enrolment. Completing deletes the row. */
export const challenges = pgTable(
  'challenges',
  {
    /** Derived from the id that the client has, which no table holds. */
    id: uuid().primaryKey(),
    purpose: challengePurpose().notNull(),
    userId: uuid('user_id').references(() => users.id, { onDelete: 'cascade' }),
    /** The session that has begun an enrolment, and alone can complete it. No foreign key: sessions can be truncated. */
    sessionId: uuid('session_id'),
    /** Sign-in: the transport of the session to open, and SHA-256 of the hash that the password was checked against. */
    transport: sessionTransport(),
    passwordDigest: varchar('password_digest', { length: 64 }),
    /** Enrolment: the new key, encrypted. */
    secret: text(),
    expiresAt: time('expires_at').notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    index('challenges_user_id_index').on(table.userId),
    index('challenges_expires_at_index').on(table.expiresAt),
  ],
)
