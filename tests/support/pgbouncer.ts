import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import postgres from 'postgres'
import { bound } from './bound.ts'
import { createFolder } from './folder.ts'
import { freePort } from './process.ts'
import { findProgram } from './programs.ts'
import { openForTest } from './resource.ts'
import { pause } from './time.ts'
import { AS_UNPRIVILEGED } from './unprivileged.ts'

const PGBOUNCER = findProgram('pgbouncer')

export const hasPgbouncer = PGBOUNCER !== ''

/** PgBouncer in front of a database, with the settings of its package and `others`, for one test. */
export async function startPgbouncer(
  target: string,
  mode: 'session' | 'transaction',
  poolSize = 40,
  others: string[] = [],
) {
  const folder = await createFolder()
  await chmod(folder, 0o755)
  const { hostname, port, username, password, pathname } = new URL(target)
  const listenPort = await freePort()
  const users = join(folder, 'users.txt')
  await writeFile(users, `"${username}" "${password}"\n`)
  const settings = join(folder, 'pgbouncer.ini')
  const writeSettings = (targetPort: number | string) => writeFile(settings, linesFor(targetPort).join('\n'))
  const linesFor = (targetPort: number | string) => [
    '[databases]',
    `${pathname.slice(1)} = host=${hostname} port=${targetPort}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${listenPort}`,
    'unix_socket_dir =',
    'auth_type = plain',
    `auth_file = ${users}`,
    `admin_users = ${username}`,
    `pool_mode = ${mode}`,
    `default_pool_size = ${poolSize}`,
    // Otherwise it lets no client through for 15 s after it has lost a connection to PostgreSQL.
    'server_login_retry = 1',
    ...others,
  ]
  await writeSettings(port)
  const bouncer = await openForTest(async () => {
    const startOne = () =>
      spawn(...bound(PGBOUNCER, ['--quiet', settings]), { ...AS_UNPRIVILEGED, stdio: 'ignore' })
    let child = startOne()
    async function kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    return {
      signal: (signal: NodeJS.Signals) => child.kill(signal),
      kill,
      start() {
        child = startOne()
      },
      close: kill,
    }
  })
  await untilListening(listenPort)
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(listenPort)
  return {
    /** The URL of the database. */
    url: url.href,
    /** Its name on the console. */
    database: pathname.slice(1),
    /** Points it to a server at another port, as an operator does after a failover. */
    async pointTo(otherPort: number) {
      await writeSettings(otherPort)
      bouncer.signal('SIGHUP')
    },
    /** Ends it without a warning, as a crash does. */
    kill: bouncer.kill,
    /** Starts it again after `kill`. */
    async start() {
      bouncer.start()
      await untilListening(listenPort)
    },
    /** Stops it without closing a connection, until `SIGCONT`. */
    signal: bouncer.signal,
    /** Gives a command on its console, such as `PAUSE`, and waits until it is carried out. */
    async command(words: string) {
      const console = new URL(url)
      console.pathname = '/pgbouncer'
      const sql = postgres(console.href, { max: 1, fetch_types: false, onnotice: () => {} })
      try {
        await sql.unsafe(words).simple()
      } finally {
        await sql.end({ timeout: 1 })
      }
    },
  }
}

async function untilListening(port: number) {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    await pause(50)
  }
  throw new Error('PgBouncer does not listen')
}
