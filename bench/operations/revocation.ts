import { createProxy } from '../../tests/support/proxy.ts'
import type { Operation, Subject } from '../rig/bench.ts'
import { pause, type Running, startServer } from '../rig/process.ts'
import { servauth, serverOn, signIn, type Transport } from '../subjects/servauth.ts'

const TRIES = 20
const WATCHED_MS = 1500
const ASK_EVERY_MS = 10
const PROMISED_MS = 250

type Fault = 'none' | 'cut' | 'frozen'

/**
 * Three processes on one database. A session that all of them know logs out at the first; the others are asked all
 * the while. The lag is how long after the logout's answer a request was still sent that one of them honoured.
 * With a fault, the third process loses its database right before the logout.
 */
function lag(name: string, fault: Fault): Subject {
  return {
    name,
    async open(bench) {
      const { databaseUrl, secret } = await servauth(bench)
      const proxy = await createProxy(databaseUrl)
      const urls = [databaseUrl, databaseUrl, proxy.url]
      // One issuer, or a token of one process would be nothing to the others.
      const servers = await Promise.all(
        urls.map((url) => startServer(bench, serverOn(url, secret, 'http://localhost:4000'))),
      )
      let user = 0
      return {
        async measure() {
          const lags: number[] = []
          const faults: string[] = []
          let answers = 0
          for (let attempt = 0; attempt < TRIES; attempt++) {
            const transport: Transport = attempt % 2 === 0 ? 'TOKEN' : 'COOKIE'
            const [first, ...others] = servers as [Running, ...Running[]]
            const session = await signIn(first.url, ++user, transport)
            await untilAllHonour(servers, session)
            const watches = others.map((server) => watch(server, session))
            await pause(100)
            if (fault === 'cut') proxy.cut()
            if (fault === 'frozen') proxy.freeze()
            const ended = await logOut(first, session)
            for (const watched of await Promise.all(watches)) {
              answers += watched.length
              const honoured = watched.filter(({ status, sentAt }) => status === 200 && sentAt > ended)
              lags.push(Math.max(0, ...honoured.map(({ sentAt }) => sentAt - ended)))
              const late = honoured.filter(({ sentAt }) => sentAt - ended > PROMISED_MS)
              if (late.length > 0)
                faults.push(`${late.length} answers honoured the session after ${PROMISED_MS} ms`)
            }
            proxy.restore()
            await untilAllRefuse(servers, session)
          }
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

async function ask(server: Running, headers: Record<string, string>) {
  const response = await fetch(`${server.url}/auth/me`, {
    headers,
    signal: AbortSignal.timeout(10_000),
  }).catch(() => null)
  await response?.arrayBuffer()
  return response?.status ?? 0
}

/** Sends a request every few milliseconds, whether the last one was answered or not. */
async function watch(server: Running, headers: Record<string, string>) {
  const end = performance.now() + WATCHED_MS
  const pending: Promise<{ sentAt: number; status: number }>[] = []
  while (performance.now() < end) {
    const sentAt = performance.now()
    pending.push(ask(server, headers).then((status) => ({ sentAt, status })))
    await pause(ASK_EVERY_MS)
  }
  return Promise.all(pending)
}

async function logOut(server: Running, headers: Record<string, string>) {
  const response = await fetch(`${server.url}/auth/logout`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
  })
  if (response.status !== 204) throw new Error(`The logout was answered with ${response.status}`)
  return performance.now()
}

const untilAllHonour = (servers: Running[], headers: Record<string, string>) =>
  untilAll(servers, headers, 200)
const untilAllRefuse = (servers: Running[], headers: Record<string, string>) =>
  untilAll(servers, headers, 401)

async function untilAll(servers: Running[], headers: Record<string, string>, status: number) {
  for (const server of servers) {
    const deadline = performance.now() + 15_000
    // Twice, so that what the first one leaves in memory is what answers the second.
    for (let seen = 0; seen < 2; ) {
      if ((await ask(server, headers)) === status) seen++
      else if (performance.now() > deadline) throw new Error(`A process did not answer ${status} in time`)
      else await pause(20)
    }
  }
}

export const revocation: Operation = {
  title: 'revocation lag',
  subjects: [
    lag('Servauth, three processes', 'none'),
    lag('Servauth, one of three cut off from the database', 'cut'),
    lag('Servauth, one of three with a frozen database connection', 'frozen'),
  ],
}
