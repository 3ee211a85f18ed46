import type { Sql } from 'postgres'
import { createDeadline } from '../deadline.ts'
import { connect, type DatabaseSettings } from './connection/connect.ts'
import { databaseTimeout } from './connection/connection-fault.ts'
import { measureClock } from './requirements/clock.ts'
import { assertUsableServer } from './requirements/server.ts'

const ROUNDS = 5
const NOTIFY_MS = 2000
const DEADLINE_MS = 10_000

export type Probe = Awaited<ReturnType<typeof probeDatabase>>

/**
 * Examines a database with the connection options of the server: its version, the time it takes to answer, its clock,
 * and whether notifications arrive. Rejects if the database cannot be reached or used.
 */
export async function probeDatabase({ DATABASE_URL, DATABASE_SCHEMA }: DatabaseSettings) {
  const [sql, other] = [1, 2].map(() => connect(DATABASE_URL, { schema: DATABASE_SCHEMA })) as [Sql, Sql]
  try {
    return await createDeadline(DEADLINE_MS)(look(sql, other), databaseTimeout)
  } finally {
    for (const each of [sql, other]) void each.end({ timeout: 0 }).catch(() => {})
  }
}

async function look(sql: Sql, other: Sql) {
  const [server] = await sql`select current_setting('server_version') as version`
  await assertUsableServer(sql, other)
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measureClock(sql))
  const quickest = rounds.toSorted((a, b) => a.tookMs - b.tookMs)
  return {
    version: String(server?.version),
    medianMs: quickest[ROUNDS >> 1]?.tookMs ?? 0,
    /** How far the clock of this machine is ahead of the clock of the database, measured by the fastest answer. */
    aheadMs: quickest[0]?.aheadMs ?? 0,
    notifies: await notifies(sql),
  }
}

/** False behind a pooler in transaction mode, which accepts the LISTEN but forwards no notifications. */
async function notifies(sql: Sql) {
  const channel = `servauth_doctor_${crypto.randomUUID().slice(0, 8)}`
  const { promise: heard, resolve } = Promise.withResolvers<boolean>()
  await sql.listen(channel, () => resolve(true))
  await sql.notify(channel, '')
  // From here on, because a busy database may need longer for what comes before.
  const timer = setTimeout(() => resolve(false), NOTIFY_MS)
  return heard.finally(() => clearTimeout(timer))
}
