import postgres from 'postgres'
import { createSymmetricSecret } from '../../src/webhooks/signature.ts'
import type { Operation } from '../rig/bench.ts'
import { pause, runJob, startServer } from '../rig/server-process.ts'
import { openReceiver, setUpWebhook } from '../subjects/webhook-receiver.ts'

const EVENTS = 20_000

/**
 * How many events the server delivers in a second, on its core, if they are all due at once. Each user has two. Beside it
 * is what the same signatures and requests cost without a database, an order or a second attempt.
 */
export const webhooks: Operation = {
  title: 'webhooks',
  subjects: [
    {
      name: 'Servauth, deliveries',
      async open(bench) {
        const { server, databaseUrl, count, close } = await setUpWebhook(bench, 'webhooks')
        const running = await startServer(bench, server)
        const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
        return {
          async measure() {
            const before = count()
            await sql`
              select announce_event('user.updated', id, '{"changed":["username"]}')
              from (select id from users limit ${EVENTS / 2}) as chosen, generate_series(1, 2)`
            const began = performance.now()
            const cpuBefore = running.cpuSeconds()
            const databaseBefore = await bench.databases.cpuSeconds()
            while (count() - before < EVENTS) await pause(5)
            const seconds = (performance.now() - began) / 1000
            const cpuSeconds = running.cpuSeconds() - cpuBefore
            const databaseSeconds = (await bench.databases.cpuSeconds()) - databaseBefore
            const figures = {
              'deliveries/s': EVENTS / seconds,
              'by processor time': EVENTS / cpuSeconds,
              "by processor time with PostgreSQL's": EVENTS / (cpuSeconds + databaseSeconds),
            }
            return { figures, faults: [] }
          },
          async close() {
            await sql.end()
            await running.stop()
            close()
          },
        }
      },
    },
    {
      name: 'bare loop of standardwebhooks and fetch',
      async open(bench) {
        const { url, close } = openReceiver()
        const program = [
          process.execPath,
          'servers/webhook-loop.ts',
          url,
          createSymmetricSecret(),
          String(EVENTS),
        ]
        return {
          async measure() {
            const spent = await runJob<{ seconds: number; cpuSeconds: number }>(bench, program)
            const figures = {
              'deliveries/s': EVENTS / spent.seconds,
              'by processor time': EVENTS / spent.cpuSeconds,
            }
            return { figures, faults: [] }
          },
          close: async () => close(),
        }
      },
    },
  ],
}
