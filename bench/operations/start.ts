import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { type ServerCommand, startServer } from '../rig/server-process.ts'
import { setUpBetterAuth } from '../subjects/better-auth.ts'
import { setUpParseServer } from '../subjects/parse-server.ts'
import { setUpServauth } from '../subjects/servauth.ts'
import { createConstantServer } from './me.ts'

/** The time from the start of the process to its first good answer, on a migrated database. The median of five. */
function createStartSubject(name: string, getServer: (bench: Bench) => Promise<ServerCommand>): Subject {
  return {
    name,
    async open(bench) {
      const server = await getServer(bench)
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
    createStartSubject('Servauth', async (bench) => (await setUpServauth(bench)).server),
    createStartSubject('bare Hono', createConstantServer('hono')),
    createStartSubject('Better-Auth', (bench) => setUpBetterAuth(bench, 'argon2id')),
    createStartSubject('Parse Server', setUpParseServer),
  ],
}
