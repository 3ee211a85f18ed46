import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, setPriority } from 'node:os'

/** Beside many requests, hashes then take a twelfth of the core, see docs/decisions/throttle.md. */
const NICENESS = 14

const MIN_PAUSE_MS = 1000
let loweredAt = -Infinity

/**
 * On a single core, hashes would take half of it from requests. This lowers the priority of the threads that exist now
 * in the engine's pool. Linux only: other systems have no priority of a thread. It takes a tenth of a millisecond, so it
 * does nothing for a second afterwards.
 */
export function lowerPoolPriority() {
  const now = performance.now()
  if (process.platform !== 'linux' || availableParallelism() > 1 || now - loweredAt < MIN_PAUSE_MS) return
  loweredAt = now
  for (const id of readdirSync('/proc/self/task')) {
    try {
      const name = readFileSync(`/proc/self/task/${id}/comm`, 'utf8')
      if (name.startsWith('Bun Pool')) setPriority(Number(id), NICENESS)
    } catch {
      // The thread has ended meanwhile.
    }
  }
}
