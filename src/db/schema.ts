import { sql } from 'drizzle-orm'
import {
  boolean,
  date,
  index,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core'

const time = (name: string) => timestamp(name, { withTimezone: true })
const createdAt = () => time('created_at').notNull().defaultNow()
/** Kept current by a trigger, so that a change by plain SQL counts too. */
const updatedAt = () => time('updated_at').notNull().defaultNow()

export const users = pgTable(
  'users',
  {
    id: uuid().primaryKey().defaultRandom(),
    email: varchar({ length: 255 }).notNull().unique(),
    emailVerified: boolean('email_verified').notNull().default(false),
    pendingEmail: varchar('pending_email', { length: 255 }),
    /** The session that asked for the pending address. A trigger clears both when that session ends. */
    pendingSessionId: uuid('pending_session_id'),
    /** The Argon2id hash in PHC form; an imported one may be scrypt until the next login. */
    password: varchar({ length: 255 }).notNull(),
    /** While this is set, the password is never right. Only a new password from a mailed link unlocks the account. */
    passwordLockedAt: time('password_locked_at'),
    username: varchar({ length: 100 }),
    /** Since when nobody may sign in to the account; set by whoever runs the server. */
    disabledAt: time('disabled_at'),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  // Empty where nothing was imported, so that asking for it costs nothing.
  (table) => [
    index('users_imported_password_index').on(table.id).where(sql`${table.password} not like '$argon2%'`),
  ],
)

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
    /** SHA-256 of the one before it, valid until the grace after the first use of `token`. */
    previousToken: varchar('previous_token', { length: 255 }),
    rotatedAt: time('rotated_at'),
    /**
     * When the current token was first used, which starts the grace of the one before it. It is older than `rotatedAt` if
     * not yet, and `infinity` if only its late predecessor has been presented.
     */
    tokenUsedAt: time('token_used_at'),
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

/** `SENT`: handed over to the mail server. `SKIPPED`: not wanted when its turn came. */
export const mailStatus = pgEnum('mail_status', ['PENDING', 'SENT', 'FAILED', 'SKIPPED'])

/** What a mailed token is good for. */
export const tokenPurpose = pgEnum('token_purpose', [
  'PASSWORD_RESET',
  'EMAIL_VERIFICATION',
  'EMAIL_CHANGE_UNDO',
  'EMAIL_CHANGE_CANCEL',
  'SIGN_IN_REPORT',
])

/** Better-Auth's table of short-lived values, holding the mailed tokens. */
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
    /** The session that asked for it, which an e-mail change leaves alive. */
    sessionId: uuid('session_id'),
    /** When the same link was last mailed again, to a known place and to unknown places. */
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

/**
 * Mails that were promised, written in the transaction that causes them. No token is in here:
 * the worker derives it from the row's id when it sends.
 */
export const mailOutbox = pgTable(
  'mail_outbox',
  {
    id: uuid().primaryKey().defaultRandom(),
    kind: varchar({ length: 40 }).notNull(),
    recipient: varchar({ length: 255 }).notNull(),
    userId: uuid('user_id'),
    sessionId: uuid('session_id'),
    status: mailStatus().notNull().default('PENDING'),
    attempts: integer().notNull().default(0),
    /** How many notices of this kind the mail stands for. */
    count: integer().notNull().default(1),
    /** The places that the request came from; only the worker may look up whether the account knows them. */
    network: varchar({ length: 64 }),
    device: varchar({ length: 64 }),
    /** Whether a worker has decided to send it. Its token is in `verification`, or was. */
    tokenMade: boolean('token_made').notNull().default(false),
    /** When it is due; while a worker sends, when that worker is given up; after that, when it was sent. */
    nextAttemptAt: time('next_attempt_at').notNull().defaultNow(),
    expiresAt: time('expires_at').notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    index('mail_outbox_due_index').on(table.nextAttemptAt).where(sql`${table.status} = 'PENDING'`),
    index('mail_outbox_user_id_index').on(table.userId),
    index('mail_outbox_recipient_index').on(table.recipient),
    index('mail_outbox_created_at_index').on(table.createdAt),
  ],
)

/** What happened to an account. A repetition takes the same row. No foreign key: events outlive deleted accounts. */
export const events = pgTable(
  'events',
  {
    id: uuid().primaryKey().defaultRandom(),
    kind: varchar({ length: 40 }).notNull(),
    userId: uuid('user_id'),
    /** What tells repetitions apart, see `insertEvents`. Random for a version of the server that does not set it. */
    origin: varchar({ length: 64 }).notNull().default(sql`gen_random_uuid()::text`),
    /** `-infinity` if a repetition on any later day takes the same row. */
    day: date().notNull().default(sql`(now() at time zone 'utc')::date`),
    count: integer().notNull().default(1),
    requestId: varchar('request_id', { length: 64 }),
    ipAddress: varchar('ip_address', { length: 45 }),
    userAgent: varchar('user_agent', { length: 255 }),
    createdAt: createdAt(),
    /** When it happened last. */
    lastAt: time('last_at').notNull().defaultNow(),
  },
  (table) => [
    unique('events_repetition_key').on(table.userId, table.kind, table.origin, table.day).nullsNotDistinct(),
    index('events_user_id_last_at_index').on(table.userId, table.lastAt, table.id),
    index('events_last_at_index').on(table.lastAt),
  ],
)

/**
 * The networks and browsers of an account. A place is `n:` and an IPv4 address or an IPv6 /64, or `d:` and the hash of
 * a device cookie. It is known if the account signed in from it within 90 days.
 */
export const places = pgTable(
  'places',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    place: varchar({ length: 64 }).notNull(),
    /** Null if a session was only used from here. */
    signedInAt: time('signed_in_at'),
    seenAt: time('seen_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.place] }),
    index('places_seen_at_index').on(table.seenAt),
  ],
)

/**
 * Registrations of addresses that are not verified yet, if verification is required. The id is that of the mail, so
 * each mailed link activates the password of its own registration and no other.
 */
export const registrations = pgTable(
  'registrations',
  {
    id: uuid().primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    password: varchar({ length: 255 }).notNull(),
    profile: jsonb().notNull().$type<Record<string, string | null>>(),
    createdAt: createdAt(),
  },
  (table) => [
    index('registrations_user_id_index').on(table.userId),
    index('registrations_created_at_index').on(table.createdAt),
  ],
)

/** Attempts, counted for all replicas. `rate-limiter-flexible` names the columns. */
export const throttle = pgTable(
  'throttle',
  {
    key: varchar({ length: 255 }).primaryKey(),
    points: integer().notNull(),
    expire: time('expire'),
  },
  (table) => [index('throttle_expire_index').on(table.expire)],
)

export type UserRow = typeof users.$inferSelect
export type SessionRow = typeof sessions.$inferSelect
export type MailRow = typeof mailOutbox.$inferSelect
