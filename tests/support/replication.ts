import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { expect } from 'vitest'
import { startEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts'
import { bound } from './bound.ts'
import { freePort } from './process.ts'
import { openForTest } from './resource.ts'
import { pause } from './time.ts'

function childrenOf(parent: number) {
  const lines = execFileSync('ps', ['-axo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  const pairs = lines.map((line) => line.trim().split(/\s+/).map(Number))
  return pairs.flatMap(([pid, of]) => (pid !== undefined && of === parent ? [pid] : []))
}

/** Sends a signal to a process, unless it has just ended. */
function signal(pid: number, name: NodeJS.Signals) {
  try {
    process.kill(pid, name)
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'ESRCH') throw fault
  }
}

/** A primary and its synchronous standby for one test. */
export const startReplication = () => openForTest(openReplication)

async function openReplication() {
  const folder = await mkdtemp(join(tmpdir(), 'servauth-replication-'))
  await chmod(folder, 0o755)
  const seed = await startEmbeddedPostgres(folder)
  const data = join(seed.folder, 'postgres')
  const [binary = ''] = (await readFile(join(data, 'postmaster.opts'), 'utf8')).split(' ')
  const { password } = new URL(seed.url)
  await seed.stop()
  const owner = await stat(data)

  async function createServer(path: string) {
    const port = await freePort()
    const url = `postgres://servauth:${password}@127.0.0.1:${port}/servauth?sslmode=disable`
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    let child: ChildProcess | undefined
    return {
      port,
      url,
      sql,
      async start() {
        const settings = [
          'listen_addresses=127.0.0.1',
          'unix_socket_directories=',
          'fsync=off',
          // In its folder. A killed server leaves what it has in the memory of the machine.
          'dynamic_shared_memory_type=mmap',
          // At least as many as the embedded PostgreSQL had, or recovery refuses to start.
          'max_connections=400',
        ]
        const words = ['-D', path, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
        const { uid, gid } = owner
        child = spawn(...bound(binary, words), { uid, gid, cwd: '/', stdio: 'ignore' })
        await expect.poll(() => sql`select 1`.catch(() => [])).toHaveLength(1)
      },
      async kill() {
        if (child?.exitCode !== null) return
        child.kill('SIGKILL')
        if (child.signalCode === null) await once(child, 'exit')
      },
      /** Stops every process of the server. Its connections stay open, and the kernel accepts more. */
      hang() {
        const postmaster = child?.pid ?? 0
        // First of all, so that it starts no more of them.
        signal(postmaster, 'SIGSTOP')
        const pids = [postmaster, ...childrenOf(postmaster)]
        for (const pid of pids) signal(pid, 'SIGSTOP')
        return {
          wake() {
            for (const pid of pids) signal(pid, 'SIGCONT')
          },
        }
      },
    }
  }

  const primary = await createServer(data)
  const copy = `${data}-standby`
  execFileSync('cp', ['-a', data, copy])
  const standby = await createServer(copy)
  const source = `host=127.0.0.1 port=${primary.port} user=servauth password=${password} application_name=standby`
  for (const [name, content] of [
    ['standby.signal', ''],
    ['postgresql.auto.conf', `primary_conninfo = '${source}'\n`],
  ] as const) {
    await writeFile(join(copy, name), content, { mode: 0o600 })
    await chown(join(copy, name), owner.uid, owner.gid)
  }
  await primary.start()
  await standby.start()
  await primary.sql`alter system set synchronous_standby_names = 'standby'`
  await primary.sql`select pg_reload_conf()`
  await expect
    .poll(() => primary.sql`select from pg_stat_replication where sync_state = 'sync'`)
    .toHaveLength(1)

  return {
    primary,
    standby,
    /** Names both hosts, as a server in production would. */
    url: `postgres://servauth:${password}@127.0.0.1:${primary.port},127.0.0.1:${standby.port}/servauth?sslmode=disable`,
    async close() {
      for (const { sql, kill } of [primary, standby]) {
        await sql.end({ timeout: 1 })
        await kill()
      }
      // The children of a killed postmaster end a moment later.
      await pause(500)
      for (const path of [folder, seed.folder, copy]) await rm(path, { recursive: true, force: true })
    },
  }
}
