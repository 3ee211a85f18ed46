import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { openIdleConnections } from '../rig/idle-connections.ts'
import { pause, type ServerCommand, startServer } from '../rig/server-process.ts'
import { formatRequest, type Request, runWrk } from '../rig/wrk.ts'
import { setUpBetterAuth, signIn as signInToBetterAuth } from '../subjects/better-auth.ts'
import { createRequestForEachUser } from '../subjects/http-subject.ts'
import { setUpParseServer, signIn as signInToParse } from '../subjects/parse-server.ts'
import { setUpServauth, signIn } from '../subjects/servauth.ts'
import { createConstantServer, createUserLoad, REST } from './me.ts'

const MAX_SECONDS = 300
/** The most answers that can be missing at the end, because wrk does not wait for answers to its last requests. */
const MAX_IN_FLIGHT = 64

/**
 * Measures resident memory after the start and after many requests. A second process, which has answered ten
 * thousand requests, shows what each idle connection adds.
 */
function createMemorySubject(
  name: string,
  getServer: (bench: Bench) => Promise<ServerCommand>,
  prepare: (url: string) => Promise<Request[]>,
): Subject {
  return {
    name,
    async open(bench) {
      const server = await getServer(bench)
      const sendRequests = async (url: string, limit: number) => {
        const load = createUserLoad(await prepare(url))
        const { faults, answers } = await runWrk(bench, url, load, { seconds: MAX_SECONDS, limit })
        if (answers + MAX_IN_FLIGHT < limit) faults.push(`${answers} of ${limit} requests were answered`)
        return { faults, request: load.requests[0] ?? REST }
      }
      return {
        async measure() {
          const first = await startServer(bench, server)
          await pause(500)
          const afterStart = first.memory()
          const { faults } = await sendRequests(first.url, bench.requests)
          const afterRequests = first.memory()
          await first.stop()

          const second = await startServer(bench, server)
          const { request, faults: more } = await sendRequests(second.url, 10_000)
          await pause(2000)
          const before = second.memory()
          const idle = await openIdleConnections(
            second.port,
            bench.connections,
            formatRequest(new URL(second.url).host, request),
          )
          await pause(2000)
          const stillOpen = idle.countOpen()
          const kibPerConnection = ((second.memory() - before) * 1024) / bench.connections
          idle.closeAll()
          await second.stop()
          if (stillOpen < bench.connections)
            more.push(`${bench.connections - stillOpen} idle connections were closed`)
          return {
            figures: {
              'MiB after start': afterStart,
              'MiB after the requests': afterRequests,
              'KiB an idle connection': kibPerConnection,
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
    createMemorySubject(
      'Servauth',
      async (bench) => (await setUpServauth(bench)).server,
      (url) => createRequestForEachUser(url, (user) => signIn(url, user, 'TOKEN'), REST),
    ),
    createMemorySubject('bare Hono', createConstantServer('hono'), async () => [REST]),
    createMemorySubject(
      'Better-Auth',
      (bench) => setUpBetterAuth(bench, 'argon2id'),
      (url) =>
        createRequestForEachUser(url, (user) => signInToBetterAuth(url, user), {
          method: 'GET',
          path: '/api/auth/get-session',
        }),
    ),
    createMemorySubject('Parse Server', setUpParseServer, (url) =>
      createRequestForEachUser(url, (user) => signInToParse(url, user), {
        method: 'GET',
        path: '/parse/users/me',
      }),
    ),
  ],
}
