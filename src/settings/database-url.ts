import { ConnectionStringError, completeConnectionString } from '../libpq/connection-string.ts'

/** `DATABASE_URL` with what the `PG…` variables of libpq add, so that no other part reads them; and all its faults. */
export function readDatabaseUrl(given: Record<string, string | undefined>) {
  try {
    const url = given.DATABASE_URL
    return { url: url === undefined ? undefined : completeConnectionString(url, given), faults: [] }
  } catch (error) {
    if (error instanceof ConnectionStringError) return { url: undefined, faults: error.faults }
    throw error
  }
}
