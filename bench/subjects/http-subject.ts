import { randomBytes } from 'node:crypto'
import type { Bench, Subject } from '../rig/bench.ts'
import { type ServerCommand, startServer } from '../rig/server-process.ts'
import { type Load, type Request, runWrk } from '../rig/wrk.ts'
import { formatEmail } from './accounts.ts'

type Prepare = (bench: Bench, url: string) => Promise<() => Load | Promise<Load>>

type Shape = { connections: number; warmUpSeconds: number }

const ORDINARY: Shape = { connections: 64, warmUpSeconds: 1 }
/**
 * For requests that hash: fewer connections, so that none waits too long in the hashing queue, and a longer warm-up. The
 * engine compiles what ran some hundred times, and with a hash each a server answers less than a hundred a second.
 */
export const HASHING: Shape = { connections: 16, warmUpSeconds: 15 }

/** Measures answers per second. `prepare` signs users in, and returns a function that creates the load of a round. */
export function createHttpSubject(
  name: string,
  getServer: (bench: Bench) => Promise<ServerCommand>,
  prepare: Prepare,
  { connections, warmUpSeconds } = ORDINARY,
): Subject {
  return {
    name,
    async open(bench) {
      const server = await startServer(bench, await getServer(bench))
      const nextLoad = await prepare(bench, server.url).catch(async (fault: unknown) => {
        await server.stop()
        throw fault
      })
      return {
        async measure() {
          // Warms up before each round: compiled code that has not run for 20 seconds is discarded.
          await runWrk(bench, server.url, await nextLoad(), { seconds: warmUpSeconds, connections })
          const shape = { seconds: bench.seconds, connections }
          const { perSecond, latency, faults } = await runWrk(bench, server.url, await nextLoad(), shape)
          return { figures: { 'answers/s': perSecond, 'p95 ms': latency.p95 }, faults }
        },
        close: server.stop,
      }
    },
  }
}

/**
 * Creates the same request for a hundred users. Sends each once, to check that each user gets their own account:
 * the load generator cannot check that.
 */
export async function createRequestForEachUser(
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
    if (!response.ok || !body.includes(`"${formatEmail(user)}"`)) {
      throw new Error(
        `${request.path} did not answer with the right user: ${response.status} ${body.slice(0, 200)}`,
      )
    }
    requests.push({ ...request, headers })
  }
  return requests
}

/** Like an access token, which has some 600 characters. */
const TOKEN_BYTES = 450

/** The same request for a hundred users of a server that reads no credentials: the load is the same as for one that does. */
export const createUnreadRequests = (request: Request): Request[] =>
  Array.from({ length: 100 }, () => {
    const authorization = `Bearer ${randomBytes(TOKEN_BYTES).toString('base64url')}`
    return { ...request, headers: { ...request.headers, authorization } }
  })
