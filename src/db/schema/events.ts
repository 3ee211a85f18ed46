import { sql } from 'drizzle-orm'
import { date, index, integer, pgTable, unique, uuid, varchar } from 'drizzle-orm/pg-core'
import { createdAt, time } from './columns.ts'

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
