import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  bigint,
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
/** A trigger keeps it current, so that a change by plain SQL counts too. */
const updatedAt = () => time('updated_at').notNull().defaultNow()

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
    index('users_disabled_index').on(table.createdAt, table.id).where(sql`${table.disabledAt} is not null`),
  ],
)

/** What each role allows. The built-in role `admin` has no row. */
export const roles = pgTable('roles', {
  name: varchar({ length: 64 }).primaryKey(),
  permissions: text().array().notNull(),
  changedAt: time('changed_at').notNull().defaultNow(),
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

/** `SENT`: the mail server accepted it. `SKIPPED`: it was no longer wanted when the worker took it. */
export const mailStatus = pgEnum('mail_status', ['PENDING', 'SENT', 'FAILED', 'SKIPPED'])

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
 * Promised mails, written in the transaction that causes them. The table holds no token: the worker derives it from
 * the id of the row when it sends the mail.
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
    /** How many notices of this kind were joined into this mail. */
    count: integer().notNull().default(1),
    /** The places from which the request came. Only the worker may look up whether they are known to the account. */
    network: varchar({ length: 64 }),
    device: varchar({ length: 64 }),
    /** The language of the request. An account with a proven mailbox has its own, which counts more. */
    locale: varchar({ length: 35 }),
    /** Whether a worker has decided to send the mail. Then its token is in `verification`, or was there. */
    tokenMade: boolean('token_made').notNull().default(false),
    /** When the mail is due. While a worker sends it: when the lease ends. After that: when it was sent. */
    nextAttemptAt: time('next_attempt_at').notNull().defaultNow(),
    expiresAt: time('expires_at').notNull(),
    /** Why the last attempt failed, without what may be secret. */
    fault: varchar({ length: 200 }),
    createdAt: createdAt(),
  },
  (table) => [
    index('mail_outbox_due_index').on(table.nextAttemptAt).where(sql`${table.status} = 'PENDING'`),
    index('mail_outbox_user_id_index').on(table.userId),
    index('mail_outbox_recipient_index').on(table.recipient),
    index('mail_outbox_created_at_index').on(table.createdAt),
  ],
)

/** What happened to an account. A repetition updates the same row. No foreign key: events outlive deleted accounts. */
export const events = pgTable(
  'events',
  {
    id: uuid().primaryKey().defaultRandom(),
    kind: varchar({ length: 40 }).notNull(),
    userId: uuid('user_id'),
    /** Repetitions have the same origin, see `insertEvents`. Random if a version of the server does not set it. */
    origin: varchar({ length: 64 }).notNull().default(sql`gen_random_uuid()::text`),
    /** `-infinity` if a repetition on any later day updates the same row. */
    day: date().notNull().default(sql`(now() at time zone 'utc')::date`),
    count: integer().notNull().default(1),
    /** The administrator who did it, or the name of the key of the service. Both are null if it was the user or is not known. */
    actorId: uuid('actor_id'),
    actorKey: varchar('actor_key', { length: 64 }),
    /** What an administrator did, where the kind does not say it: the names of roles. */
    detail: varchar({ length: 255 }),
    requestId: varchar('request_id', { length: 64 }),
    ipAddress: varchar('ip_address', { length: 45 }),
    userAgent: varchar('user_agent', { length: 255 }),
    createdAt: createdAt(),
    /** When the event last happened. */
    lastAt: time('last_at').notNull().defaultNow(),
  },
  (table) => [
    unique('events_repetition_key').on(table.userId, table.kind, table.origin, table.day).nullsNotDistinct(),
    index('events_user_id_last_at_index').on(table.userId, table.lastAt, table.id),
    index('events_newest_index').on(table.lastAt, table.id),
    index('events_actor_index')
      .on(table.lastAt, table.id)
      .where(sql`${table.actorId} is not null or ${table.actorKey} is not null`),
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
    /** Null if a session was used from this place but the account never signed in from it. */
    signedInAt: time('signed_in_at'),
    seenAt: time('seen_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.place] }),
    index('places_seen_at_index').on(table.seenAt),
  ],
)

/**
 * Registrations of addresses that are not verified yet, if verification is required. The id is the id of the mail, so
 * each mailed link activates only the password of its own registration.
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
    /** Passkey: whether its user's other devices get it too. */
    isSynced: boolean('is_synced').notNull().default(false),
    lastUsedAt: time('last_used_at'),
    removedAt: time('removed_at'),
    createdAt: createdAt(),
  },
  (table) => [
    index('factors_user_id_index').on(table.userId),
    index('factors_removed_at_index').on(table.removedAt).where(sql`${table.removedAt} is not null`),
  ],
)

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

/** Keys of other services. A revoked one is kept, as a record. */
export const serviceKeys = pgTable('service_keys', {
  id: uuid().primaryKey().defaultRandom(),
  name: varchar({ length: 40 }).notNull(),
  /** SHA-256 of the key. */
  hash: varchar({ length: 64 }).notNull().unique(),
  scopes: text().array().notNull(),
  expiresAt: time('expires_at'),
  /** Written at most every five minutes. */
  lastUsedAt: time('last_used_at'),
  revokedAt: time('revoked_at'),
  createdAt: createdAt(),
})

/** Where events are sent. Without a URL: events are kept for those who read them. */
export const webhooks = pgTable('webhooks', {
  id: uuid().primaryKey(),
  url: text(),
  /** The types of events that it gets; null for all. */
  types: text().array(),
  /** Encrypted, the newest first. Null if the settings have them. */
  secrets: text(),
  disabledAt: time('disabled_at'),
  /** Why the server disabled it by itself: the answer of the receiver. */
  fault: varchar({ length: 60 }),
  createdAt: createdAt(),
})

/**
 * What happened to users, sessions and factors, for other systems. Triggers write it in the transaction of the change, so
 * that plain SQL counts too, and only while there is a webhook.
 */
export const webhookEvents = pgTable(
  'webhook_events',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** The id that receivers see. */
    messageId: uuid('message_id').notNull().defaultRandom(),
    type: varchar({ length: 40 }).notNull(),
    userId: uuid('user_id'),
    /** Ids and names of fields. No values. */
    data: jsonb().notNull().$type<Record<string, unknown>>(),
    /** The transaction that wrote it. Readers continue from the oldest transaction that was still running. */
    xid: bigint({ mode: 'bigint' }).notNull().default(sql`pg_current_xact_id()::text::bigint`),
    at: time('at').notNull().default(sql`clock_timestamp()`),
  },
  (table) => [
    index('webhook_events_xid_index').on(table.xid, table.id),
    index('webhook_events_user_id_index').on(table.userId),
    index('webhook_events_at_index').on(table.at),
  ],
)

export const deliveryStatus = pgEnum('delivery_status', ['PENDING', 'DELIVERED', 'FAILED'])

/**
 * An event on its way to a webhook, as `mail_outbox` is for mails. No foreign key to the webhook: its check would lock the
 * same row in every transaction. The deliveries of a deleted webhook end with their events.
 */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    webhookId: uuid('webhook_id').notNull(),
    eventId: bigint('event_id', { mode: 'number' })
      .notNull()
      .references(() => webhookEvents.id, { onDelete: 'cascade' }),
    /** The events of one user are delivered one after the other. */
    userId: uuid('user_id'),
    status: deliveryStatus().notNull().default('PENDING'),
    attempts: integer().notNull().default(0),
    /** When it is due. While a worker delivers it: when the lease ends. After that: when it was delivered. */
    nextAttemptAt: time('next_attempt_at').notNull().defaultNow(),
    /** Of the last attempt: the status of the answer, or why there was none. */
    lastResult: varchar('last_result', { length: 60 }),
    expiresAt: time('expires_at').notNull().default(sql`now() + interval '72 hours'`),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.eventId, table.webhookId] }),
    index('webhook_deliveries_due_index')
      .on(table.webhookId, table.nextAttemptAt, table.eventId)
      .where(sql`${table.status} = 'PENDING'`),
    index('webhook_deliveries_user_index')
      .on(table.webhookId, table.userId, table.eventId)
      .where(sql`${table.status} = 'PENDING'`),
    index('webhook_deliveries_status_index').on(table.webhookId, table.status, table.eventId),
  ],
)

/** Counts of attempts, shared by all replicas. `rate-limiter-flexible` sets the names of the columns. */
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
export type WebhookRow = typeof webhooks.$inferSelect
export type FactorRow = typeof factors.$inferSelect
