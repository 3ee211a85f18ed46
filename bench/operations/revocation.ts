import { createProxy } from '../../tests/support/proxy.ts'
import type { Operation, Subject } from '../rig/bench.ts'
import { pause, type RunningServer, startServer } from '../rig/server-process.ts'
import { runWrk } from '../rig/wrk.ts'
import { createRequestForEachUser } from '../subjects/http-subject.ts'
import { createServerCommand, setUpServauth, signIn, type Transport } from '../subjects/servauth.ts'
import { createUserLoad, REST } from './me.ts'

const ATTEMPTS = 20
const WATCH_MS = 1500
const REQUEST_INTERVAL_MS = 10
const MAX_LAG_MS = 250

type Fault = 'none' | 'cut' | 'frozen' | 'full load'

/**
 * Three processes on one database. A session that all have cached logs out at the first, while the others get
 * requests. The lag is the time from the logout's answer to the last request that another process still accepted.
 * With a fault, the third process loses its database just before the logout. Under full load, all three answer other
 * users in closed loops meanwhile.
 */
function createRevocationSubject(name: string, fault: Fault): Subject {
  return {
    name,
    async open(bench) {
      const { databaseUrl, secret } = await setUpServauth(bench)
      const proxy = await createProxy(databaseUrl)
      const urls = [databaseUrl, databaseUrl, proxy.url]
      // The same issuer, so that each process accepts the tokens of the others.
      const servers = await Promise.all(
        urls.map((url) => startServer(bench, createServerCommand(url, secret, 'http://localhost:4000'))),
      )
      // The first hundred are for the load.
      let user = 100
      const loads = await Promise.all(
        servers.map(async ({ url }) =>
          fault === 'full load'
            ? createUserLoad(await createRequestForEachUser(url, (one) => signIn(url, one, 'TOKEN'), REST))
            : undefined,
        ),
      )
      return {
        async measure() {
          const lags: number[] = []
          const faults: string[] = []
          let answers = 0
          let isOver = false
          const loading = servers.map(async ({ url }, index) => {
            const load = loads[index]
            while (load && !isOver) faults.push(...(await runWrk(bench, url, load, { seconds: 2 })).faults)
          })
          for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
            const transport: Transport = attempt % 2 === 0 ? 'TOKEN' : 'COOKIE'
            const [first, ...others] = servers as [RunningServer, ...RunningServer[]]
            const session = await signIn(first.url, ++user, transport)
            await waitUntilAllAccept(servers, session)
            const watches = others.map((server) => watchServer(server, session))
            await pause(100)
            if (fault === 'cut') proxy.cut()
            if (fault === 'frozen') proxy.freeze()
            const endedAt = await logOut(first, session)
            for (const watched of await Promise.all(watches)) {
              answers += watched.length
              const accepted = watched.filter(({ status, sentAt }) => status === 200 && sentAt > endedAt)
              lags.push(Math.max(0, ...accepted.map(({ sentAt }) => sentAt - endedAt)))
              const tooLate = accepted.filter(({ sentAt }) => sentAt - endedAt > MAX_LAG_MS)
              if (tooLate.length > 0)
                faults.push(`${tooLate.length} answers accepted the session after ${MAX_LAG_MS} ms`)
            }
            proxy.restore()
            await waitUntilAllRefuse(servers, session)
          }
          isOver = true
          await Promise.all(loading)
          lags.sort((a, b) => a - b)
          return {
            figures: {
              'median lag ms': lags[Math.floor(lags.length / 2)] ?? Number.NaN,
              'longest lag ms': lags.at(-1) ?? Number.NaN,
              'requests watched': answers,
            },
            faults,
          }
        },
        async close() {
          await Promise.all(servers.map((server) => server.stop()))
          await proxy.close()
        },
      }
    },
  }
}

async function requestMe(server: RunningServer, headers: Record<string, string>) {
  const response = await fetch(`${server.url}/auth/me`, {
    headers,
    signal: AbortSignal.timeout(10_000),
  }).catch(() => null)
  await response?.arrayBuffer()
  return response?.status ?? 0
}

/** Sends a request every few milliseconds, without waiting for the answers. */
async function watchServer(server: RunningServer, headers: Record<string, string>) {
  const end = performance.now() + WATCH_MS
  const pending: Promise<{ sentAt: number; status: number }>[] = []
  while (performance.now() < end) {
    const sentAt = performance.now()
    pending.push(requestMe(server, headers).then((status) => ({ sentAt, status })))
    await pause(REQUEST_INTERVAL_MS)
  }
  return Promise.all(pending)
}

async function logOut(server: RunningServer, headers: Record<string, string>) {
  const response = await fetch(`${server.url}/auth/logout`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
  })
  if (response.status !== 204) throw new Error(`The logout was answered with ${response.status}`)
  return performance.now()
}

const waitUntilAllAccept = (servers: RunningServer[], headers: Record<string, string>) =>
  waitUntilAllAnswer(servers, headers, 200)
const waitUntilAllRefuse = (servers: RunningServer[], headers: Record<string, string>) =>
  waitUntilAllAnswer(servers, headers, 401)

async function waitUntilAllAnswer(servers: RunningServer[], headers: Record<string, string>, status: number) {
  for (const server of servers) {
    const deadline = performance.now() + 15_000
    // Twice, so that the second answer comes from the cache that the first one filled.
    for (let seen = 0; seen < 2; ) {
      if ((await requestMe(server, headers)) === status) seen++
      else if (performance.now() > deadline) throw new Error(`A process did not answer ${status} in time`)
      else await pause(20)
    }
  }
}

export const revocation: Operation = {
  title: 'revocation lag',
  subjects: [
    createRevocationSubject('Servauth, three processes', 'none'),
    createRevocationSubject('Servauth, three processes under full load', 'full load'),
    createRevocationSubject('Servauth, one of three cut off from the database', 'cut'),
    createRevocationSubject('Servauth, one of three with a frozen database connection', 'frozen'),
  ],
}
