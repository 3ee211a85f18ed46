import { wholeNumber } from './kinds/number.ts'
import { DatabaseUrl } from './kinds/url.ts'

/** The database, and what is kept in it. */
export const databaseSettings = {
  DATABASE_URL: DatabaseUrl.optional(),
  EVENT_RETENTION_DAYS: wholeNumber(1, 3650).default(90),
  EVENT_MAX_ROWS: wholeNumber(1000, 1_000_000_000).default(10_000_000),
}
