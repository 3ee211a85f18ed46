import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { freePort } from './process.ts'
import { useResource } from './resource.ts'
import { pause } from './time.ts'

/** Where Debian 12 has it. Other distributions may not. */
const POSTGRES = '/usr/lib/postgresql/15/bin/postgres'

export const hasOldestPostgres = existsSync(POSTGRES)

/** The oldest PostgreSQL that Servauth supports, for the tests of this file. */
export const useOldestPostgres = () =>
  useResource(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'servauth-oldest-'))
    // It refuses to run as root.
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    await chmod(folder, 0o700)
    if (nobody.uid) await chown(folder, nobody.uid, nobody.gid)
    const data = join(folder, 'data')
    const creation = ['-D', data, '-U', 'servauth', '--auth=trust', '--encoding=UTF8', '--no-sync']
    execFileSync(join(POSTGRES, '..', 'initdb'), creation, { ...nobody, cwd: '/' })
    const port = await freePort()
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off']
    const words = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
    const child = spawn(POSTGRES, words, { ...nobody, cwd: '/', stdio: 'ignore' })
    const url = `postgres://servauth@127.0.0.1:${port}/postgres?sslmode=disable`
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    while ((await sql`select 1`.catch(() => [])).length === 0) await pause(50)
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
