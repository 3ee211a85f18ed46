import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts'
import { createProxy } from '../../tests/support/proxy.ts'
import type { Bench } from '../rig/bench.ts'
import { pause } from '../rig/server-process.ts'
import { createReplayer } from './replayer.ts'
import { openRig, type Person, startClient } from './rig.ts'

const MAX_LATE_MS = 1500
const WATCH_MS = 4000
const DELAY_MS = 5000

/**
 * Ends a session during a fault, while a client asks a service 200 times a second. A 200 for it must not come later than
 * 1.5 s after its end. A live session may get 503, and never 401.
 */
export async function measureFaults(bench: Bench, rounds: number) {
  const folder = join(bench.scratch, 'faulty')
  let postgres = await startEmbeddedPostgres(folder)
  const database = await createProxy(postgres.url)
  const rig = await openRig(bench, database.url)
  let servauth = await rig.startServauth()
  const feed = await createProxy(servauth.url)
  const replayer = createReplayer(() => feed.url)
  const service = await rig.startService(replayer.url)

  type Fault = { begin: () => unknown; end: () => unknown; watchMs?: number }
  const FAULTS: Record<string, Fault> = {
    'server killed': {
      begin: () => servauth.kill(),
      async end() {
        servauth = await rig.startServauth()
        feed.moveTo(servauth.url)
      },
    },
    'PostgreSQL restarted': {
      async begin() {
        await postgres.stop()
        postgres = await startEmbeddedPostgres(folder)
        database.moveTo(postgres.url)
      },
      end: () => {},
    },
    'feed frozen': { begin: () => feed.freeze(), end: () => feed.restore() },
    'feed dropped': { begin: () => feed.cut(), end: () => feed.restore() },
    'feed delayed by 5 s': {
      begin: () => feed.slow(DELAY_MS),
      end: () => feed.restore(),
      watchMs: DELAY_MS + WATCH_MS,
    },
    'feed replayed': { begin: () => replayer.replay(), end: () => replayer.restore() },
  }

  const results: { name: string; lastMs: number; recoveredMs: number; statuses: string; faults: string[] }[] =
    []
  try {
    for (const [name, { begin, end, watchMs = WATCH_MS }] of Object.entries(FAULTS)) {
      for (let round = 0; round < rounds; round++) {
        const [ended, live] = (await rig.signIn(servauth.url, 2)) as [Person, Person]
        const client = startClient(service.url, [ended, live])
        await client.until(200)
        // Ended just before: the feed may not have announced it when the fault begins. Also counts if PostgreSQL is away.
        const isDatabase = name.startsWith('PostgreSQL')
        if (isDatabase) await rig.sql`delete from sessions where id = ${ended.sessionId}`
        const endedAt = { ms: performance.now() }
        const beginning = begin()
        if (!isDatabase) {
          await beginning
          await rig.sql`delete from sessions where id = ${ended.sessionId}`
          endedAt.ms = performance.now()
        }
        await beginning
        await pause(watchMs)
        const restoredAt = performance.now()
        await end()
        await client.until(401, [ended])
        await client.until(200, [live])
        const recoveredMs = performance.now() - restoredAt
        const answers = await client.stop()
        const accepted = answers.filter((one) => one.person === ended && one.status === 200)
        const lastMs = Math.max(0, ...accepted.map((one) => one.answeredAt - endedAt.ms))
        const statuses = [...new Set(answers.filter((one) => one.person === live).map((one) => one.status))]
        const faults = [
          ...(lastMs > MAX_LATE_MS ? [`accepted ${Math.round(lastMs)} ms after the end`] : []),
          ...statuses
            .filter((status) => status !== 200 && status !== 503)
            .map((s) => `a live session got ${s}`),
        ]
        results.push({ name, lastMs, recoveredMs, statuses: statuses.sort().join(', '), faults })
      }
    }
  } finally {
    await service.stop()
    await servauth.stop()
    await rig.close()
    await replayer.close()
    await feed.close()
    await database.close()
    await postgres.stop()
  }
  return results
}
