import type { Bench, Subject } from '../rig/bench.ts'
import { type Server, startServer } from '../rig/process.ts'
import { type Load, type Request, wrk } from '../rig/wrk.ts'
import { emailOf } from './accounts.ts'

type Prepare = (bench: Bench, url: string) => Promise<() => Load | Promise<Load>>

type Shape = { connections: number; warmUpSeconds: number }

const ORDINARY: Shape = { connections: 64, warmUpSeconds: 1 }
/** Where each answer takes a hash, nobody is to wait for longer than Servauth's gate lets them, and it is a while until code is hot. */
export const HASHING: Shape = { connections: 16, warmUpSeconds: 5 }

/** A server whose answers a second are counted. `prepare` signs in; what it returns makes the load of each round. */
export function overHttp(
  name: string,
  serverOf: (bench: Bench) => Promise<Server>,
  prepare: Prepare,
  { connections, warmUpSeconds } = ORDINARY,
): Subject {
  return {
    name,
    async open(bench) {
      const server = await startServer(bench, await serverOf(bench))
      const nextLoad = await prepare(bench, server.url).catch(async (fault: unknown) => {
        await server.stop()
        throw fault
      })
      return {
        async measure() {
          // Compiling and connecting are nobody's speed, and an engine forgets code that has not run for 20 seconds.
          await wrk(bench, server.url, await nextLoad(), { seconds: warmUpSeconds, connections })
          const shape = { seconds: bench.seconds, connections }
          const { perSecond, latency, faults } = await wrk(bench, server.url, await nextLoad(), shape)
          return { figures: { 'answers/s': perSecond, 'p95 ms': latency.p95 }, faults }
        },
        close: server.stop,
      }
    },
  }
}

/**
 * The same request by a hundred users in turn. Each is sent once by itself first, to see that everybody gets their
 * own account back: the load generator cannot tell whose answer it reads.
 */
export async function asEachUser(
  url: string,
  signIn: (user: number) => Promise<Record<string, string>>,
  request: Request,
): Promise<Request[]> {
  const requests: Request[] = []
  for (let user = 1; user <= 100; user++) {
    const headers = { ...request.headers, ...(await signIn(user)) }
    const json = request.body !== undefined && { 'content-type': 'application/json' }
    const response = await fetch(url + request.path, {
      method: request.method,
      headers: { ...headers, ...json },
      ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
    })
    const body = await response.text()
    if (!response.ok || !body.includes(`"${emailOf(user)}"`)) {
      throw new Error(
        `${request.path} did not answer with the right user: ${response.status} ${body.slice(0, 200)}`,
      )
    }
    requests.push({ ...request, headers })
  }
  return requests
}
