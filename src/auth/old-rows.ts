import { and, type Column, inArray, isNull, type SQL, sql } from 'drizzle-orm'
import { daysAgo, secondsAgo } from '../db/moments.ts'
import { events } from '../db/schema/events.ts'
import { challenges, factors } from '../db/schema/factors.ts'
import { mailOutbox } from '../db/schema/mail-outbox.ts'
import { registrations, verifications } from '../db/schema/mailed-tokens.ts'
import { revocations, sessions } from '../db/schema/sessions.ts'
import { places, throttle } from '../db/schema/throttle.ts'
import { webhookEvents } from '../db/schema/webhooks.ts'
import { UNPROVEN_KINDS } from './events/kinds.ts'
import { KEPT_SECONDS } from './services/recent-revocations.ts'
import { KNOWN_PLACE_DAYS } from './throttle/places.ts'

/**
 * How long expired sessions, mails that were sent or given up, registrations and removed factors are kept. The link that
 * brings a factor back lives as long as the factor.
 */
export const KEPT_DAYS = { session: 1, mail: 7, registration: 7, removedFactor: 3, webhookEvent: 7 }
/** How many rows are deleted at once. */
export const MAX_BATCH_ROWS = 500
/** How much of the table of events is read to estimate how many rows it has: 4 MB, with an error of about 5 %. */
const SAMPLE_PAGES = 500

/** Rows to delete: those of the table of `time` that match, oldest first, and at most `maxRows`. */
export type Cleanup = { time: Column; where: SQL; maxRows: SQL }

/** How long events are kept, and how many. */
export type EventLimits = { eventDays: number; maxEventRows: number }

/** What housekeeping deletes, in this order. */
export function createCleanups({ eventDays, maxEventRows }: EventLimits): Cleanup[] {
  const isBefore = (time: Column, limit: SQL): Cleanup => ({
    time,
    where: sql`${time} < ${limit}`,
    maxRows: sql`${MAX_BATCH_ROWS}`,
  })
  const isExcess = (where: SQL): Cleanup => ({
    time: events.lastAt,
    where,
    maxRows: sql`(${estimateEvents} - ${maxEventRows}::float8)`,
  })
  return [
    isBefore(throttle.expire, sql`now()`),
    isBefore(sessions.expiresAt, daysAgo(KEPT_DAYS.session)),
    isBefore(verifications.expiresAt, sql`now()`),
    isBefore(challenges.expiresAt, sql`now()`),
    isBefore(factors.removedAt, daysAgo(KEPT_DAYS.removedFactor)),
    isBefore(mailOutbox.createdAt, sql`${daysAgo(KEPT_DAYS.mail)} and ${mailOutbox.status} <> 'PENDING'`),
    isBefore(registrations.createdAt, daysAgo(KEPT_DAYS.registration)),
    isBefore(revocations.at, secondsAgo(KEPT_SECONDS)),
    // Their deliveries go with them; the last attempt was days ago.
    isBefore(webhookEvents.at, daysAgo(KEPT_DAYS.webhookEvent)),
    isBefore(places.seenAt, daysAgo(KNOWN_PLACE_DAYS)),
    isBefore(events.lastAt, daysAgo(eventDays)),
    // Any client can cause these, so a flood of them deletes no event of a user or of administration.
    isExcess(and(isNull(events.userId), inArray(events.kind, [...UNPROVEN_KINDS])) as SQL),
    isExcess(sql`true`),
  ]
}

const eventPages = sql`(pg_relation_size('events'::regclass) / current_setting('block_size')::int)`
const samplePercent = sql`least(100, 100.0 * ${sql.raw(String(SAMPLE_PAGES))} / greatest(1, ${eventPages}))`
/**
 * About how many events there are, from a sample of pages that is always the same. Counting them all would take seconds,
 * and PostgreSQL's own estimate is old after a deletion and gone after a crash.
 */
const estimateEvents = sql`(
  select count(*) * 100 / ${samplePercent} from ${events} tablesample system (${samplePercent}) repeatable (0))`
