import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Which cores the server under test and everything else run on; empty where processes cannot be pinned. */
export type Pinning = { server: string[]; said: string }

/**
 * Takes this process, and with it PostgreSQL and the load that it starts, off the first core, which is the server's
 * alone. Without `taskset` or a second core nothing is pinned, and the results say so.
 */
export function pin(): Pinning {
  const cores = availableParallelism()
  if (cores < 2) return { server: [], said: 'nothing pinned: one core only' }
  const others = cores === 2 ? '1' : `1-${cores - 1}`
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', others, String(process.pid)])
  } catch {
    return { server: [], said: 'nothing pinned: taskset is not installed' }
  }
  return {
    server: ['taskset', '--cpu-list', '0'],
    said: `each server on core 0; PostgreSQL and the load on core ${others}`,
  }
}
