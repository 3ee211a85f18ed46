import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench } from './bench.ts'
import { openDatabases } from './database.ts'
import { pinProcess } from './pinning.ts'
import { killServers } from './server-process.ts'

/**
 * Pins this process, opens the databases and a folder for temporary files, and measures with them. Afterwards, and after
 * a signal, it stops all servers and removes what they have left. Then the process ends.
 */
export async function withBench(
  sizes: Pick<Bench, 'seconds'> & Partial<Pick<Bench, 'connections' | 'requests'>>,
  measure: (bench: Bench) => Promise<void>,
): Promise<never> {
  const pinning = pinProcess()
  const scratch = await mkdtemp(join(tmpdir(), 'servauth-bench-'))
  const databases = await openDatabases(scratch)
  let cleaning: Promise<void> | undefined
  // Under `bun run` one signal arrives twice. The second must not interrupt the clean-up.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => void cleanUp().finally(() => process.exit(1)))
  }

  function cleanUp() {
    cleaning ??= clean()
    return cleaning
  }

  async function clean() {
    killServers()
    await databases.close()
    await rm(scratch, { recursive: true, force: true })
  }

  console.log(pinning.description)
  try {
    await measure({ databases, pinning, scratch, connections: 0, requests: 0, ...sizes })
  } finally {
    await cleanUp()
  }
  process.exit(0)
}
