import { type SQLWrapper, sql } from 'drizzle-orm'

/** How many seconds one moment is after another. Until version 17, PostgreSQL cannot subtract a time that is infinite. */
export const secondsFrom = (earlier: SQLWrapper, later: SQLWrapper) =>
  sql<number>`(extract(epoch from ${later})::float8 - extract(epoch from ${earlier})::float8)`

export const secondsSince = (moment: SQLWrapper) => secondsFrom(moment, sql`now()`)
export const secondsUntil = (moment: SQLWrapper) => secondsFrom(sql`now()`, moment)

export const secondsAgo = (seconds: number) => sql`now() - make_interval(secs => ${seconds}::int)`
export const daysAgo = (days: number) => sql`now() - make_interval(days => ${days}::int)`
export const secondsFromNow = (seconds: number) => sql`now() + make_interval(secs => ${seconds}::int)`
