import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { type ServerCommand, startServer } from '../rig/server-process.ts'
import { type Load, type Request, runWrk } from '../rig/wrk.ts'
import { ANY_USER, formatEmail, PASSWORD, USERS } from '../subjects/accounts.ts'
import { setUpBetterAuth, signIn as signInToBetterAuth } from '../subjects/better-auth.ts'
import { createRequestForEachUser } from '../subjects/http-subject.ts'
import { setUpServauth, signIn } from '../subjects/servauth.ts'
import { createConstantServer, createUserLoad, REST } from './me.ts'

const REQUEST_INTERVAL_MS = 2000
/** The length of the hashing queue. More would be refused, fewer would not fill it. */
const CONCURRENT_LOGINS = 64

type Options = {
  getServer: (bench: Bench) => Promise<ServerCommand>
  prepare: (url: string) => Promise<Request[]>
  /** A second load that runs at the same time, in a closed loop. */
  meanwhile?: Load
}

/** Holds many connections open. Each sends a request every two seconds. */
function createConnectionsSubject(name: string, { getServer, prepare, meanwhile }: Options): Subject {
  return {
    name,
    async open(bench) {
      const server = await startServer(bench, await getServer(bench))
      const load = createUserLoad(await prepare(server.url))
      await runWrk(bench, server.url, load, { seconds: 1 })
      return {
        async measure() {
          // Long enough to connect and to let each connection send several requests.
          const seconds = Math.max(2 * bench.seconds, 8)
          const { connections } = bench
          const [main, second] = await Promise.all([
            runWrk(bench, server.url, load, { seconds, connections, intervalMs: REQUEST_INTERVAL_MS }),
            meanwhile && runWrk(bench, server.url, meanwhile, { seconds, connections: CONCURRENT_LOGINS }),
          ])
          const { p50, p95, p99 } = main.latency
          // Requests without an answer are in no percentile, so they count as a fault.
          const unanswered = main.answers < connections ? ['not every connection was answered once'] : []
          return {
            figures: {
              'answers/s': main.perSecond,
              'p50 ms': p50,
              'p95 ms': p95,
              'p99 ms': p99,
              'MiB meanwhile': server.memory(),
              ...(second && {
                'logins/s beside': second.perSecond,
                'logins refused with 503': second.refused,
              }),
            },
            faults: [
              ...main.faults,
              ...unanswered,
              ...(second?.faults ?? []).map((fault) => `logins: ${fault}`),
            ],
          }
        },
        close: server.stop,
      }
    },
  }
}

const ours = {
  getServer: async (bench: Bench) => (await setUpServauth(bench)).server,
  prepare: (url: string) => createRequestForEachUser(url, (user) => signIn(url, user, 'TOKEN'), REST),
}

export const connections: Operation = {
  title: 'many connections, each asking `me` every two seconds',
  subjects: [
    createConnectionsSubject('Servauth', ours),
    createConnectionsSubject('Servauth, while logins saturate the hashing gate', {
      ...ours,
      meanwhile: {
        requests: Array.from({ length: USERS }, (_, index) => ({
          method: 'POST',
          path: '/auth/login',
          body: { email: formatEmail(index + 1), password: PASSWORD, transport: 'TOKEN' },
        })),
        status: 200,
        text: ANY_USER,
        refusal: 503,
      },
    }),
    createConnectionsSubject('bare Hono', {
      getServer: createConstantServer('hono'),
      prepare: async () => [REST],
    }),
    createConnectionsSubject('Better-Auth', {
      getServer: (bench) => setUpBetterAuth(bench, 'argon2id'),
      prepare: (url) =>
        createRequestForEachUser(url, (user) => signInToBetterAuth(url, user), {
          method: 'GET',
          path: '/api/auth/get-session',
        }),
    }),
  ],
}
