import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { pause, type ServerCommand, startServer } from '../rig/server-process.ts'
import { type Load, type Request, runWrk } from '../rig/wrk.ts'
import { ANY_USER, formatEmail, PASSWORD } from '../subjects/accounts.ts'
import { setUpBetterAuth, signIn as signInToBetterAuth } from '../subjects/better-auth.ts'
import { createRequestForEachUser } from '../subjects/http-subject.ts'
import { createSessions, setUpServauth, signIn } from '../subjects/servauth.ts'
import { createUserLoad, REST } from './me.ts'

const READERS = 64
/** Ten times as many as the readers, and many times as many as can be served. */
const WRITERS = 640
const REQUESTS_EACH = 300

type Loads = { readers: Load; writers: Load }

/** Readers ask who they are, in closed loops, first alone and then beside a flood of operations. */
function createOverloadSubject(
  name: string,
  getServer: (bench: Bench) => Promise<ServerCommand>,
  prepare: (bench: Bench, url: string) => Promise<Loads>,
): Subject {
  return {
    name,
    async open(bench) {
      const server = await startServer(bench, await getServer(bench))
      const { readers, writers } = await prepare(bench, server.url)
      const { seconds } = bench
      const read = (seconds: number) => runWrk(bench, server.url, readers, { seconds, connections: READERS })
      await read(1)
      return {
        async measure() {
          const alone = await read(seconds)
          const [beside, flood] = await Promise.all([
            read(seconds),
            runWrk(bench, server.url, writers, { seconds, connections: WRITERS }),
          ])
          await pause(1000)
          const after = await read(seconds)
          return {
            figures: {
              'answers/s alone': alone.perSecond,
              'answers/s beside the flood': beside.perSecond,
              'p95 ms beside the flood': beside.latency.p95,
              'answers/s a second later': after.perSecond,
              'operations/s': flood.perSecond,
              'refused with 503': flood.refused,
              'p95 ms of the flood': flood.latency.p95,
              'MiB afterwards': server.memory(),
            },
            faults: [
              ...[alone, beside, after].flatMap(({ faults }) => faults),
              ...flood.faults.map((fault) => `flood: ${fault}`),
            ],
          }
        },
        close: server.stop,
      }
    },
  }
}

const indexes = Array.from({ length: REQUESTS_EACH }, (_, index) => index)
const flood = (requests: Request[]): Load => ({ requests, status: 200, text: ANY_USER, refusal: 503 })

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
        return { readers: createUserLoad(readers), writers: flood(operations) }
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
        writers: flood(
          indexes.map((index) => ({
            method: 'POST',
            path: '/api/auth/sign-in/email',
            body: { email: formatEmail(301 + index), password: PASSWORD },
          })),
        ),
      }),
    ),
  ],
}
