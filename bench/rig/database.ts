import { readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { startEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts'

/** Linux counts processor time in hundredths of a second. */
const CLOCK_TICKS = 100

/** Opens PostgreSQL: the server of DATABASE_URL, or an embedded one with its data in `scratch`. */
export async function openDatabases(scratch: string) {
  const given = process.env.DATABASE_URL
  const embedded = given ? undefined : await startEmbeddedPostgres(join(scratch, 'postgres'))
  const base = given ?? embedded?.url ?? ''
  const admin = postgres(base, { max: 1, onnotice: () => {} })
  const names = new Set<string>()
  const [row] = await admin`select current_setting('server_version') as version, pg_backend_pid() as pid`
  const postmaster = embedded && process.platform === 'linux' ? Number(readStat(row?.pid)[1]) : undefined

  return {
    version: `${row?.version}${embedded ? ', embedded' : ''}`,
    /** The log of the embedded server. */
    log: embedded && join(embedded.folder, 'postgres.log'),
    /** The processor time of all processes of PostgreSQL, with those that have ended. Only of the embedded one on Linux. */
    cpuSeconds: () => readPostgresSeconds(postmaster),
    /** Creates an empty database. `close` drops it. */
    async create(name: string) {
      const database = `servauth_bench_${name}`
      await admin`drop database if exists ${admin(database)} with (force)`
      await admin`create database ${admin(database)}`
      names.add(database)
      const url = new URL(base)
      url.pathname = `/${database}`
      return url.href
    },
    async close() {
      for (const name of names) await admin`drop database if exists ${admin(name)} with (force)`
      await admin.end({ timeout: 1 })
      await embedded?.stop()
      if (embedded) await rm(embedded.folder, { recursive: true, force: true })
    },
  }
}

/** The fields of a process from its state on, as the Linux kernel lists them. */
function readStat(pid: string) {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
}

async function readPostgresSeconds(postmaster: number | undefined) {
  if (!postmaster) return Number.NaN
  let ticks = 0
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = readStat(pid)
      const isPostmaster = Number(pid) === postmaster
      if (!isPostmaster && Number(fields[1]) !== postmaster) continue
      // Of children that have ended, the postmaster has the sum.
      for (const index of isPostmaster ? [11, 12, 13, 14] : [11, 12]) ticks += Number(fields[index])
    } catch {
      // The process has ended meanwhile.
    }
  }
  return ticks / CLOCK_TICKS
}
