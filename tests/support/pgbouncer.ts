import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createFolder } from './folder.ts'
import { freePort } from './process.ts'
import { findProgram } from './programs.ts'
import { openForTest } from './resource.ts'
import { pause } from './time.ts'

const PGBOUNCER = findProgram('pgbouncer')

export const hasPgbouncer = PGBOUNCER !== ''

/** PgBouncer in front of a database, with the settings of its package, for one test. */
export async function startPgbouncer(target: string, mode: 'session' | 'transaction') {
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
    `pool_mode = ${mode}`,
    'default_pool_size = 40',
  ]
  await writeSettings(port)
  const { reload } = await openForTest(async () => {
    // It refuses to run as root.
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    const child = spawn(PGBOUNCER, ['--quiet', settings], { ...nobody, stdio: 'ignore' })
    const exited = once(child, 'exit')
    return {
      reload: () => child.kill('SIGHUP'),
      async close() {
        child.kill('SIGKILL')
        await exited
      },
    }
  })
  await untilListening(listenPort)
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(listenPort)
  return {
    /** The URL of the database. */
    url: url.href,
    /** Points it to a server at another port, as an operator does after a failover. */
    async pointTo(otherPort: number) {
      await writeSettings(otherPort)
      reload()
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
