import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { hold } from '../rig/hold.ts'
import { pause, type Server, startServer } from '../rig/process.ts'
import { type Request, raw, wrk } from '../rig/wrk.ts'
import { betterAuth, signIn as signInToBetterAuth } from '../subjects/better-auth.ts'
import { asEachUser } from '../subjects/over-http.ts'
import { parseServer, signIn as signInToParse } from '../subjects/parse-server.ts'
import { servauth, signIn } from '../subjects/servauth.ts'
import { answersUser, constant, REST } from './me.ts'

const LONGEST_SECONDS = 300
/** What is on its way when the last one is sent is not waited for. */
const IN_FLIGHT = 64

/**
 * Resident memory after the start and after many requests, and, in a process of its own that has
 * answered ten thousand, what each idle connection adds.
 */
function memory(
  name: string,
  serverOf: (bench: Bench) => Promise<Server>,
  prepare: (url: string) => Promise<Request[]>,
): Subject {
  return {
    name,
    async open(bench) {
      const server = await serverOf(bench)
      const ask = async (url: string, limit: number) => {
        const load = answersUser(await prepare(url))
        const { faults, answers } = await wrk(bench, url, load, { seconds: LONGEST_SECONDS, limit })
        if (answers + IN_FLIGHT < limit) faults.push(`${answers} of ${limit} requests were answered`)
        return { faults, request: load.requests[0] ?? REST }
      }
      return {
        async measure() {
          const first = await startServer(bench, server)
          await pause(500)
          const started = first.memory()
          const { faults } = await ask(first.url, bench.requests)
          const worked = first.memory()
          await first.stop()

          const second = await startServer(bench, server)
          const { request, faults: more } = await ask(second.url, 10_000)
          await pause(2000)
          const before = second.memory()
          const held = await hold(second.port, bench.connections, raw(new URL(second.url).host, request))
          await pause(2000)
          const kept = held.open()
          const each = ((second.memory() - before) * 1024) / bench.connections
          held.release()
          await second.stop()
          if (kept < bench.connections) more.push(`${bench.connections - kept} idle connections were closed`)
          return {
            figures: {
              'MiB after start': started,
              'MiB after the requests': worked,
              'KiB an idle connection': each,
            },
            faults: [...faults, ...more],
          }
        },
        close: async () => {},
      }
    },
  }
}

export const memoryUse: Operation = {
  title: 'memory',
  subjects: [
    memory(
      'Servauth',
      async (bench) => (await servauth(bench)).server,
      (url) => asEachUser(url, (user) => signIn(url, user, 'TOKEN'), REST),
    ),
    memory('bare Hono', constant('hono'), async () => [REST]),
    memory(
      'Better-Auth',
      (bench) => betterAuth(bench, 'argon2id'),
      (url) =>
        asEachUser(url, (user) => signInToBetterAuth(url, user), {
          method: 'GET',
          path: '/api/auth/get-session',
        }),
    ),
    memory('Parse Server', parseServer, (url) =>
      asEachUser(url, (user) => signInToParse(url, user), { method: 'GET', path: '/parse/users/me' }),
    ),
  ],
}
