import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'

/** Opens PostgreSQL: the server of DATABASE_URL, or an embedded one with its data in `scratch`. */
export async function openDatabases(scratch: string) {
  const given = process.env.DATABASE_URL
  const embedded = given ? undefined : await startEmbeddedPostgres(join(scratch, 'postgres'))
  const base = given ?? embedded?.url ?? ''
  const admin = postgres(base, { max: 1, onnotice: () => {} })
  const names = new Set<string>()
  const [row] = await admin`select current_setting('server_version') as version`

  return {
    version: `${row?.version}${embedded ? ', embedded' : ''}`,
    /** The log of the embedded server. */
    log: embedded && join(embedded.folder, 'postgres.log'),
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
