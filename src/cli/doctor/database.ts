import { migrationState } from '../../db/migrate.ts'
import { type Probe, placeOf, probeDatabase } from '../../db/probe.ts'
import { getErrorCode } from '../support/error-code.ts'
import { bad, good, type Verdict } from './verdict.ts'

const OLDEST_MAJOR = 15

const WAYS_OUT: Record<string, string> = {
  ECONNREFUSED: 'Nothing listens there. Start PostgreSQL, or correct DATABASE_URL.',
  ENOENT: 'There is no such socket. Start PostgreSQL, or correct DATABASE_URL or PGHOST.',
  ENOTFOUND: 'The name of the host is not known. Correct DATABASE_URL, or look at the name service.',
  EAI_AGAIN: 'The name of the host cannot be looked up now. Look at the name service.',
  ECONNRESET:
    'It closes the connection. Look at its log, and whether it requires TLS (?sslmode=require in DATABASE_URL).',
  CONNECT_TIMEOUT: 'It does not answer. Look at firewalls on the way, and whether PostgreSQL is overloaded.',
  '28P01': 'It refuses the user or the password. Correct them in DATABASE_URL.',
  '28000': 'It refuses the user. Correct DATABASE_URL, or look at pg_hba.conf.',
  '3D000': 'There is no such database. Make it with createdb, or correct DATABASE_URL.',
  '53300': 'It has no connection left. Raise max_connections: each process of a server uses up to 22.',
  '57P03': 'It is starting or stopping. Wait a little, then look at its log.',
  '08P01': viaPooler(),
}

/** Checks whether the server can use the database. The check of the clock uses the same probe. */
export async function checkDatabase(url: string): Promise<{ verdict: Verdict; probe?: Probe }> {
  const place = placeOf(url)
  try {
    const probe = await probeDatabase(url)
    return { probe, verdict: await judge(probe, place, url) }
  } catch (fault) {
    const code = getErrorCode(fault)
    const wayOut = WAYS_OUT[code] ?? 'Look at the log of PostgreSQL, and at DATABASE_URL.'
    return { verdict: bad(`${place} cannot be used (${code})`, wayOut) }
  }
}

async function judge({ version, major, standby, medianMs, notifies }: Probe, place: string, url: string) {
  const name = `PostgreSQL ${version.split(' ')[0]} at ${place}`
  if (major < OLDEST_MAJOR) return bad(`${name} is too old`, `Upgrade it to ${OLDEST_MAJOR} or later.`)
  if (standby) return bad(`${name} is a standby and takes no writes`, 'Point DATABASE_URL at the primary.')
  const { missing, ahead } = await migrationState(url)
  if (missing.length > 0) {
    return bad(
      `${name} lacks ${missing.length === 1 ? 'a migration' : `${missing.length} migrations`}: ${missing.join(', ')}`,
      'Start the server, or run "servauth migrate".',
    )
  }
  if (ahead) {
    return bad(
      `${name} was migrated by a newer Servauth`,
      'Run that version, or put back the backup made before it.',
    )
  }
  if (!notifies) return bad(`${name} forwards no notifications`, viaPooler())
  return good(`${name}, answers in ${medianMs.toFixed(1)} ms, migrations are in, notifications arrive`)
}

function viaPooler() {
  return 'A pooler in front of it uses transaction mode. Connect directly, or use a pooler in session mode.'
}
