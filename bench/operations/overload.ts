import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { flood, percentile, repeat } from '../rig/flood.ts'
import { pause, type ServerCommand, startServer } from '../rig/server-process.ts'
import { formatRequest, type Load, type Request, runWrk } from '../rig/wrk.ts'
import { formatEmail, PASSWORD } from '../subjects/accounts.ts'
import { setUpBetterAuth, signIn as signInToBetterAuth } from '../subjects/better-auth.ts'
import { createRequestForEachUser } from '../subjects/http-subject.ts'
import { createSessions, setUpServauth, signIn } from '../subjects/servauth.ts'
import { createUserLoad, REST } from './me.ts'

const READERS = 64
/** Ten times as many as the readers, and many times as many as can be served. */
const WRITERS = 640
const REQUESTS_EACH = 300
const WARM_UP_SECONDS = 1

type Prepared = { readers: Load; flood: Request[] }

/** Readers ask who they are, in closed loops, first alone and then beside a flood of operations. */
function createOverloadSubject(
  name: string,
  getServer: (bench: Bench) => Promise<ServerCommand>,
  prepare: (bench: Bench, url: string) => Promise<Prepared>,
): Subject {
  return {
    name,
    async open(bench) {
      const server = await startServer(bench, await getServer(bench))
      const { readers, flood: operations } = await prepare(bench, server.url)
      const requests = operations.map((request) => formatRequest(new URL(server.url).host, request))
      const { seconds } = bench

      async function read(seconds: number) {
        const before = server.mainThreadSeconds()
        const result = await runWrk(bench, server.url, readers, { seconds, connections: READERS })
        const answers = result.perSecond * seconds
        return { ...result, perProcessorSecond: answers / (server.mainThreadSeconds() - before) }
      }

      return {
        async measure() {
          await read(WARM_UP_SECONDS)
          const alone = await read(seconds)
          const [beside, times] = await Promise.all([
            read(seconds),
            flood(server.port, repeat(requests, seconds), WRITERS),
          ])
          await pause(1000)
          const after = await read(seconds)
          const { 200: served = [], 503: refused = [], ...others } = Object.fromEntries(times)
          return {
            figures: {
              'answers/s alone': alone.perSecond,
              'answers/s beside the flood': beside.perSecond,
              'answers/s a second later': after.perSecond,
              'answers a processor second, alone': alone.perProcessorSecond,
              'answers a processor second, beside the flood': beside.perProcessorSecond,
              'p95 ms beside the flood': beside.latency.p95,
              'operations served/s': served.length / seconds,
              'operations refused/s': refused.length / seconds,
              'p95 ms of a served operation': percentile(served, 0.95),
              'p95 ms of a refusal': percentile(refused, 0.95),
              'MiB afterwards': server.memory(),
            },
            faults: [
              ...[alone, beside, after].flatMap(({ faults }) => faults),
              ...Object.entries(others).map(
                ([status, { length }]) => `flood: ${length} answers were ${status}`,
              ),
            ],
          }
        },
        close: server.stop,
      }
    },
  }
}

const indexes = Array.from({ length: REQUESTS_EACH }, (_, index) => index)

export const overload: Operation = {
  title: '`me` beside ten times as many other operations',
  subjects: [
    createOverloadSubject(
      'Servauth, beside logins, refreshes and updates',
      async (bench) => (await setUpServauth(bench)).server,
      async (bench, url) => {
        const tokens = await createSessions(bench, REQUESTS_EACH)
        const sessions: Record<string, string>[] = []
        for (let user = 201; user <= 240; user++) sessions.push(await signIn(url, user, 'TOKEN'))
        const operations = indexes.flatMap((index): Request[] => [
          {
            method: 'POST',
            path: '/auth/login',
            body: { email: formatEmail(301 + index), password: PASSWORD, transport: 'TOKEN' },
          },
          { method: 'POST', path: '/auth/refresh', body: { refreshToken: tokens[index] } },
          {
            method: 'PUT',
            path: '/auth/me',
            headers: sessions[index % sessions.length] ?? {},
            body: { username: `user ${index}` },
          },
        ])
        const readers = await createRequestForEachUser(url, (user) => signIn(url, user, 'TOKEN'), REST)
        return { readers: createUserLoad(readers), flood: operations }
      },
    ),
    createOverloadSubject(
      'Better-Auth, beside logins',
      (bench) => setUpBetterAuth(bench, 'argon2id'),
      async (_bench, url) => ({
        readers: createUserLoad(
          await createRequestForEachUser(url, (user) => signInToBetterAuth(url, user), {
            method: 'GET',
            path: '/api/auth/get-session',
          }),
        ),
        flood: indexes.map((index) => ({
          method: 'POST',
          path: '/api/auth/sign-in/email',
          body: { email: formatEmail(301 + index), password: PASSWORD },
        })),
      }),
    ),
  ],
}
