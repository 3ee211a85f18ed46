import type { DatabaseSettings } from '../../db/connection/connect.ts'
import { DatabaseFault, explainFault, NEEDS_SESSION_MODE } from '../../db/database-fault.ts'
import { readMigrations } from '../../db/journal.ts'
import { migrationState } from '../../db/migrate.ts'
import { type Probe, probeDatabase } from '../../db/probe.ts'
import { describePlace } from '../../libpq/connection-string.ts'
import { getErrorCode } from '../support/error-code.ts'
import { bad, good, note, type Verdict } from './verdict.ts'

type Result = {
  verdict: Verdict
  probe?: Probe
  /** Whether the tables are as this version needs them. */
  isMigrated: boolean
}

/** Checks whether the server can use the database. The check of the clock uses the same probe. */
export async function checkDatabase(settings: DatabaseSettings): Promise<Result> {
  const place = describePlace(settings.DATABASE_URL)
  try {
    const probe = await probeDatabase(settings)
    return { probe, ...(await judge(probe, place, settings)) }
  } catch (fault) {
    if (fault instanceof DatabaseFault) return refuse(`${place}: ${fault.reason}`, fault.advice)
    const known = explainFault(fault, place)
    return known
      ? refuse(known.reason, known.advice)
      : refuse(
          `${place} cannot be used (${getErrorCode(fault)})`,
          'Look at the log of PostgreSQL, and at DATABASE_URL.',
        )
  }
}

async function judge({ version, medianMs, notifies }: Probe, place: string, settings: DatabaseSettings) {
  const name = `PostgreSQL ${version.split(' ')[0]} at ${place}`
  const { schema, missing, isAhead, limit } = await migrationState(settings)
  if (missing.length > 0) {
    const advice = 'Start the server, or run "servauth migrate".'
    if (missing.length === readMigrations().length) {
      return {
        verdict: note(`${name}: nothing is there yet in the schema ${schema}`, advice),
        isMigrated: false,
      }
    }
    const count = missing.length === 1 ? 'a migration' : `${missing.length} migrations`
    return refuse(`${name} lacks ${count}: ${missing.join(', ')}`, advice)
  }
  if (isAhead) {
    const advice = 'Run that version, or put back the backup made before it.'
    return refuse(`${name} was migrated by a newer Servauth`, advice)
  }
  if (!notifies) return refuse(`${name} forwards no notifications`, NEEDS_SESSION_MODE)
  const speed = `answers in ${medianMs.toFixed(1)} ms`
  const summary = `${name}, schema ${schema}, ${speed}, migrations are in, notifications arrive`
  const verdict = limit ? note(`${summary}; ${limit.summary}`, limit.advice) : good(summary)
  return { verdict, isMigrated: true }
}

const refuse = (summary: string, advice: string): Result => ({
  verdict: bad(summary, advice),
  isMigrated: false,
})
