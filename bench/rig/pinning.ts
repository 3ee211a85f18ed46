import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** `server` is the command that starts a server on its core, empty if processes cannot be pinned. */
export type Pinning = { server: string[]; description: string }

/**
 * Keeps this process off the first core, which only the server may use. PostgreSQL and the load inherit this.
 * Without `taskset` or a second core nothing is pinned, and the results say so.
 */
export function pinProcess(): Pinning {
  const cores = availableParallelism()
  if (cores < 2) return { server: [], description: 'nothing pinned: one core only' }
  const others = cores === 2 ? '1' : `1-${cores - 1}`
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', others, String(process.pid)])
  } catch {
    return { server: [], description: 'nothing pinned: taskset is not installed' }
  }
  return {
    server: ['taskset', '--cpu-list', '0'],
    description: `each server on core 0; PostgreSQL and the load on core ${others}`,
  }
}
