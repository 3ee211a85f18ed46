import { randomBytes } from 'node:crypto'
import type { Bench, Operation, Subject } from '../rig/bench.ts'
import { flood } from '../rig/flood.ts'
import { pause, type RunningServer, startServer } from '../rig/server-process.ts'
import { formatRequest } from '../rig/wrk.ts'
import { setUpServauth, signIn } from '../subjects/servauth.ts'
import { REST } from './me.ts'

const SAMPLE_MS = 200
const TOKENS = 45
const DOCUMENTS_EACH = 5500
const DOCUMENTS = 100_000
const BAD_TOKENS = 1_000_000

type Headers = Record<string, string>

/** What a client tries that wants the memory of the server: requests of which each looks new. */
function createAttackSubject(
  name: string,
  prepare: (server: RunningServer, host: string) => Promise<Generator<string>>,
): Subject {
  return {
    name,
    async open(bench: Bench) {
      const command = (await setUpServauth(bench)).server
      return {
        async measure() {
          // A process for each round, since what the last one took is not given back.
          const server = await startServer(bench, command)
          try {
            const requests = await prepare(server, new URL(server.url).host)
            const before = server.memory()
            let most = before
            const sampling = setInterval(() => (most = Math.max(most, server.memory())), SAMPLE_MS)
            const began = performance.now()
            const times = await flood(server.port, requests)
            const seconds = (performance.now() - began) / 1000
            await pause(SAMPLE_MS)
            clearInterval(sampling)
            const answers = [...times.values()].flat().length
            const faults = [...times.keys()].filter((status) => !/^(200|400|401)$/.test(status))
            return {
              figures: { 'MiB before': before, 'MiB at most': most, 'answers/s in it': answers / seconds },
              faults: faults.map((status) => `${times.get(status)?.length} answers were ${status}`),
            }
          } finally {
            await server.stop()
          }
        },
        close: async () => {},
      }
    },
  }
}

const askMe = (host: string, headers: Headers, query: string) =>
  formatRequest(host, { method: 'POST', path: '/graphql', headers, body: { query } })

/** Documents that ask for `me` in other words each time, of up to some 170 nodes. */
function* differentDocuments(count: number) {
  const fields = 'id email username emailVerified pendingEmail createdAt updatedAt '
  for (let index = 0; index < count; index++)
    yield `query Q${index} { me { ${fields.repeat(1 + (index % 10))}} }`
}

export const attacks: Operation = {
  title: 'memory under attack',
  subjects: [
    createAttackSubject('one account, 45 tokens and 5,500 documents', async ({ url }, host) => {
      const sessions = await Promise.all(Array.from({ length: TOKENS }, () => signIn(url, 1, 'TOKEN')))
      return (function* () {
        for (const query of differentDocuments(DOCUMENTS_EACH))
          for (const headers of sessions) yield askMe(host, headers, query)
      })()
    }),
    createAttackSubject('100,000 documents without an account', async (_server, host) =>
      (function* () {
        for (const query of differentDocuments(DOCUMENTS)) yield askMe(host, {}, query)
      })(),
    ),
    createAttackSubject('a million bad tokens', async ({ url }, host) => {
      const { authorization = '' } = await signIn(url, 1, 'TOKEN')
      const signed = authorization.slice(0, authorization.lastIndexOf('.') + 1)
      return (function* () {
        for (let index = 0; index < BAD_TOKENS; index++) {
          const headers = { authorization: signed + randomBytes(64).toString('base64url') }
          yield formatRequest(host, { ...REST, headers })
        }
      })()
    }),
  ],
}
