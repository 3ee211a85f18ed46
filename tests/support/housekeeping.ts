import { startHousekeeping } from '../../src/auth/housekeeping.ts'
import { createDb } from '../../src/db/client.ts'
import { createLog } from '../../src/observe/log.ts'
import { PATIENT } from './database.ts'

/** Runs the housekeeping of a database once, as a server does regularly. */
export async function clearAway(databaseUrl: string, { eventDays = 30, maxEventRows = 1000 } = {}) {
  const { db, close } = createDb({ DATABASE_URL: databaseUrl, databaseLimits: PATIENT })
  const log = await createLog({ NODE_ENV: 'production', LOG_LEVEL: 'silent' })
  const { sweep, stop } = startHousekeeping({ db, log, eventDays, maxEventRows })
  await sweep()
  await stop()
  await close()
}
