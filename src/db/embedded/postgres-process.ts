import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'

type Supervisor = ChildProcessByStdio<Writable, Readable, null>
type Start = {
  pgCtl: string
  data: string
  log: string
  /** Settings of PostgreSQL, each as `name=value`. */
  settings: string[]
  owner?: { uid: number; gid: number } | undefined
}

/**
 * A shell starts PostgreSQL and stops it when its standard input ends. The kernel ends that with the process that holds
 * the other end, however that process dies. The shell ignores signals, and ends only after PostgreSQL.
 */
const SUPERVISOR = `
trap '' HUP INT TERM PIPE
"$1" status -D "$2" > /dev/null || "$1" start -D "$2" -l "$3" -o "$4" -w -s < /dev/null > /dev/null 2>> "$3" || {
  "$1" stop -D "$2" -m fast -s > /dev/null
  exit 1
}
pid=$(head -n 1 "$2/postmaster.pid")
echo started
exec > /dev/null
while read -r _; do :; done
kill -INT "$pid"
while kill -0 "$pid"; do sleep 0.1; done`

/**
 * Starts PostgreSQL. It ends within seconds after this process, also after a SIGKILL.
 * @returns a function that stops it, or nothing if it did not start
 */
export async function startPostgresProcess({ pgCtl, data, log, settings, owner }: Start) {
  if (process.platform === 'win32') {
    throw new Error('The embedded PostgreSQL needs a POSIX shell. On Windows, use WSL, or set DATABASE_URL.')
  }
  const options = settings.map((setting) => `-c ${setting}`).join(' ')
  let isStopping = false

  const startSupervisor = () =>
    spawn('/bin/sh', ['-c', SUPERVISOR, 'servauth-postgres', pgCtl, data, log, options], {
      ...owner,
      cwd: '/',
      // In a session of its own, so that a signal to this process's group or terminal does not reach PostgreSQL.
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    })

  /** If only the supervisor is killed, PostgreSQL gets another one. */
  async function keepSupervised(supervisor: Supervisor) {
    await once(supervisor, 'exit')
    if (isStopping) return
    current = startSupervisor()
    if (await hasStarted(current)) await keepSupervised(current)
  }

  let current = startSupervisor()
  if (!(await hasStarted(current))) return undefined
  void keepSupervised(current)
  return async function stop() {
    isStopping = true
    const ended = once(current, 'exit')
    current.stdin.end()
    await ended
  }
}

/** Resolves when the supervisor has started PostgreSQL, to true, or has given up. */
async function hasStarted(supervisor: Supervisor) {
  return Promise.race([
    once(supervisor.stdout, 'data').then(() => true),
    once(supervisor, 'exit').then(() => false),
  ])
}
