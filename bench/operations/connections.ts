import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { type Server, startServer } from '../rig/process.ts'
import { type Load, type Request, wrk } from '../rig/wrk.ts'
import { ANY_USER, emailOf, PASSWORD, USERS } from '../subjects/accounts.ts'
import { betterAuth, signIn as signInToBetterAuth } from '../subjects/better-auth.ts'
import { asEachUser } from '../subjects/over-http.ts'
import { servauth, signIn } from '../subjects/servauth.ts'
import { answersUser, constant, REST } from './me.ts'

const EVERY_MS = 2000
/** As many as the hashing gate lets wait: more would be refused, fewer would not fill it. */
const LOGINS_AT_ONCE = 64

type Options = {
  serverOf: (bench: Bench) => Promise<Server>
  prepare: (url: string) => Promise<Request[]>
  /** What else is sent meanwhile, in a closed loop. */
  meanwhile?: Load
}

/** Many connections held open, each asking every two seconds. */
function held(name: string, { serverOf, prepare, meanwhile }: Options): Subject {
  return {
    name,
    async open(bench) {
      const server = await startServer(bench, await serverOf(bench))
      const load = answersUser(await prepare(server.url))
      await wrk(bench, server.url, load, { seconds: 1 })
      return {
        async measure() {
          // Connecting takes a while, and every connection is to ask more than once.
          const seconds = Math.max(2 * bench.seconds, 8)
          const { connections } = bench
          const [asked, beside] = await Promise.all([
            wrk(bench, server.url, load, { seconds, connections, everyMs: EVERY_MS }),
            meanwhile && wrk(bench, server.url, meanwhile, { seconds, connections: LOGINS_AT_ONCE }),
          ])
          const { p50, p95, p99 } = asked.latency
          // What is still waited for at the end is in no percentile.
          const unanswered = asked.answers < connections ? ['not every connection was answered once'] : []
          return {
            figures: {
              'answers/s': asked.perSecond,
              'p50 ms': p50,
              'p95 ms': p95,
              'p99 ms': p99,
              'MiB meanwhile': server.memory(),
              ...(beside && {
                'logins/s beside': beside.perSecond,
                'logins refused with 503': beside.refused,
              }),
            },
            faults: [
              ...asked.faults,
              ...unanswered,
              ...(beside?.faults ?? []).map((fault) => `logins: ${fault}`),
            ],
          }
        },
        close: server.stop,
      }
    },
  }
}

const ours = {
  serverOf: async (bench: Bench) => (await servauth(bench)).server,
  prepare: (url: string) => asEachUser(url, (user) => signIn(url, user, 'TOKEN'), REST),
}

export const connections: Operation = {
  title: 'many connections, each asking `me` every two seconds',
  subjects: [
    held('Servauth', ours),
    held('Servauth, while logins saturate the hashing gate', {
      ...ours,
      meanwhile: {
        requests: Array.from({ length: USERS }, (_, index) => ({
          method: 'POST',
          path: '/auth/login',
          body: { email: emailOf(index + 1), password: PASSWORD, transport: 'TOKEN' },
        })),
        status: 200,
        text: ANY_USER,
        refusal: 503,
      },
    }),
    held('bare Hono', { serverOf: constant('hono'), prepare: async () => [REST] }),
    held('Better-Auth', {
      serverOf: (bench) => betterAuth(bench, 'argon2id'),
      prepare: (url) =>
        asEachUser(url, (user) => signInToBetterAuth(url, user), {
          method: 'GET',
          path: '/api/auth/get-session',
        }),
    }),
  ],
}
