import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { type Server, startServer } from '../rig/process.ts'
import { betterAuth } from '../subjects/better-auth.ts'
import { parseServer } from '../subjects/parse-server.ts'
import { servauth } from '../subjects/servauth.ts'
import { constant } from './me.ts'

/** From the start of the process to the first good answer, on a migrated database; of five starts the middle one. */
function coldStart(name: string, serverOf: (bench: Bench) => Promise<Server>): Subject {
  return {
    name,
    async open(bench) {
      const server = await serverOf(bench)
      return {
        async measure() {
          const times: number[] = []
          for (let start = 0; start < 5; start++) {
            const running = await startServer(bench, server)
            times.push(running.startMs)
            await running.stop()
          }
          return { figures: { 'ready ms': times.sort((a, b) => a - b)[2] ?? Number.NaN }, faults: [] }
        },
        close: async () => {},
      }
    },
  }
}

export const start: Operation = {
  title: 'cold start',
  subjects: [
    coldStart('Servauth', async (bench) => (await servauth(bench)).server),
    coldStart('bare Hono', constant('hono')),
    coldStart('Better-Auth', (bench) => betterAuth(bench, 'argon2id')),
    coldStart('Parse Server', parseServer),
  ],
}
