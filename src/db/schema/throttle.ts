import { index, integer, pgTable, primaryKey, uuid, varchar } from 'drizzle-orm/pg-core'
import { time } from './columns.ts'
import { users } from './users.ts'

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
