import { readFileSync } from 'node:fs'

/** For 10,000 connections, and the few files and connections that all else needs. */
const WANTED = 10_200

/**
 * How many connections and files this process may have open together, if that is fewer than it can serve. Undefined
 * if not, and on other systems than Linux. Bun raises the soft limit to the hard one by itself.
 */
export function findLowFileLimit(): number | undefined {
  const [, limit] = /^Max open files +(\d+)/m.exec(readLimits()) ?? []
  return limit !== undefined && Number(limit) < WANTED ? Number(limit) : undefined
}

function readLimits() {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}
