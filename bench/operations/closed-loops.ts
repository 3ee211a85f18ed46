import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { type ServerCommand, startServer } from '../rig/server-process.ts'
import { type Load, runWrk } from '../rig/wrk.ts'
import { setUpBetterAuth, signIn as signInToBetterAuth } from '../subjects/better-auth.ts'
import { createRequestForEachUser, createUnreadRequests } from '../subjects/http-subject.ts'
import { setUpServauth, signIn } from '../subjects/servauth.ts'
import { createConstantServer, createUserLoad, REST } from './me.ts'

/** How many connections send requests. `--connections` is the last one. */
const COUNTS = [32, 1000, 2000]

/** Every connection sends its next request as soon as it has its answer, so that the event loop never rests. */
function createClosedLoopSubject(
  name: string,
  getServer: (bench: Bench) => Promise<ServerCommand>,
  prepare: (url: string) => Promise<Load>,
): Subject {
  return {
    name,
    async open(bench) {
      const server = await startServer(bench, await getServer(bench))
      const load = await prepare(server.url)
      await runWrk(bench, server.url, load, { seconds: 1 })
      return {
        async measure() {
          const figures: Record<string, number> = {}
          const faults: string[] = []
          for (const connections of [...COUNTS, bench.connections]) {
            const result = await runWrk(bench, server.url, load, { seconds: bench.seconds, connections })
            figures[`answers/s, ${connections} connections`] = result.perSecond
            figures[`p95 ms, ${connections} connections`] = result.latency.p95
            faults.push(...result.faults)
          }
          return { figures: { ...figures, 'MiB afterwards': server.memory() }, faults }
        },
        close: server.stop,
      }
    },
  }
}

export const closedLoops: Operation = {
  title: 'closed loops, asking `me` by REST',
  subjects: [
    createClosedLoopSubject(
      'Servauth',
      async (bench) => (await setUpServauth(bench)).server,
      async (url) =>
        createUserLoad(await createRequestForEachUser(url, (user) => signIn(url, user, 'TOKEN'), REST)),
    ),
    createClosedLoopSubject('bare Hono', createConstantServer('hono'), async () =>
      createUserLoad(createUnreadRequests(REST)),
    ),
    createClosedLoopSubject(
      'Better-Auth',
      (bench) => setUpBetterAuth(bench, 'argon2id'),
      async (url) =>
        createUserLoad(
          await createRequestForEachUser(url, (user) => signInToBetterAuth(url, user), {
            method: 'GET',
            path: '/api/auth/get-session',
          }),
        ),
    ),
  ],
}
