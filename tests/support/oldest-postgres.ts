import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { bound } from './bound.ts'
import { freePort } from './process.ts'
import { useResource } from './resource.ts'
import { pause } from './time.ts'
import { AS_UNPRIVILEGED } from './unprivileged.ts'

/** Where Debian 12 has it. Other distributions may not. */
const POSTGRES = '/usr/lib/postgresql/15/bin/postgres'

/** A minute in all. */
const MAX_ATTEMPTS = 1200

export const hasOldestPostgres = existsSync(POSTGRES)

/** The oldest PostgreSQL that Servauth supports, for the tests of this file. */
export const useOldestPostgres = () =>
  useResource(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'servauth-oldest-'))
    const { uid, gid } = AS_UNPRIVILEGED
    await chmod(folder, 0o700)
    if (uid) await chown(folder, uid, gid)
    const data = join(folder, 'data')
    const creation = ['-D', data, '-U', 'servauth', '--auth=trust', '--encoding=UTF8', '--no-sync']
    execFileSync(join(POSTGRES, '..', 'initdb'), creation, { ...AS_UNPRIVILEGED, cwd: '/' })
    const port = await freePort()
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off']
    const words = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
    const child = spawn(...bound(POSTGRES, words), { ...AS_UNPRIVILEGED, cwd: '/', stdio: 'ignore' })
    const url = `postgres://servauth@127.0.0.1:${port}/postgres?sslmode=disable`
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    const isReady = async () => (await sql`select 1`.catch(() => [])).length > 0
    for (let attempt = 0; attempt < MAX_ATTEMPTS && !(await isReady()); attempt++) await pause(50)
    return {
      url,
      sql,
      async close() {
        await sql.end({ timeout: 1 })
        child.kill('SIGINT')
        await once(child, 'exit')
        await rm(folder, { recursive: true })
      },
    }
  })
