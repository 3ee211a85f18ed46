import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { flood, percentile, repeat } from '../rig/flood.ts'
import { pause, type ServerCommand, startServer } from '../rig/server-process.ts'
import { formatRequest, type Load, type Request, runWrk } from '../rig/wrk.ts'
import { setUpBetterAuth, signIn as signInToBetterAuth } from '../subjects/better-auth.ts'
import { createRequestForEachUser, createUnreadRequests } from '../subjects/http-subject.ts'
import { setUpServauth, signIn } from '../subjects/servauth.ts'
import { createConstantServer, createUserLoad, REST } from './me.ts'

/** How many connections send requests. `--connections` is the last one. */
const COUNTS = [32, 1000, 2000]
/** How long they may take to connect. */
const CONNECT_MS = 2000

/**
 * Every connection sends its next request as soon as it has its answer, so that the event loop never rests. Another request
 * is then sent beside them, again and again over one connection.
 */
function createClosedLoopSubject(
  name: string,
  getServer: (bench: Bench) => Promise<ServerCommand>,
  prepare: (url: string) => Promise<Load>,
  prepareAnother?: (url: string) => Promise<Request>,
): Subject {
  return {
    name,
    async open(bench) {
      const server = await startServer(bench, await getServer(bench))
      const load = await prepare(server.url)
      const another = await prepareAnother?.(server.url)
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
          if (another) {
            const { seconds, connections } = bench
            const request = formatRequest(new URL(server.url).host, another)
            const [times] = await Promise.all([
              pause(CONNECT_MS).then(() => flood(server.port, repeat([request], seconds), 1)),
              runWrk(bench, server.url, load, { seconds: seconds + CONNECT_MS / 1000 + 1, connections }),
            ])
            const { 200: answered = [], ...others } = Object.fromEntries(times)
            figures['p95 ms of a list beside them'] = percentile(answered, 0.95)
            faults.push(...Object.keys(others).map((status) => `a list beside them was ${status}`))
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
      async (url) => ({ method: 'GET', path: '/auth/sessions', headers: await signIn(url, 1, 'TOKEN') }),
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
