import type { Bench, Operation, Sample, Subject } from '../rig/bench.ts'
import { type KeepAlive, openKeepAlive } from '../rig/keep-alive.ts'
import { type RunningServer, startServer } from '../rig/server-process.ts'
import { type SignIn, setUpFactors } from '../subjects/factors.ts'
import { HASHING } from '../subjects/http-subject.ts'

type Factors = Awaited<ReturnType<typeof setUpFactors>>

/** Without hashes: enough connections that the server has work while some wait for a commit. With 8 it rests a third of the time. */
const WITHOUT_HASHES = { connections: 32, warmUpSeconds: 5 }
/** More than can be answered. */
const MAX_SIGN_INS_PER_SECOND = 4000

/** Measures sign-ins per second, and how much of the server's processor each of them takes. */
function createSignInSubject(
  name: string,
  begin: (factors: Factors, count: number, origin: string) => SignIn[] | Promise<SignIn[]>,
  { connections, warmUpSeconds } = WITHOUT_HASHES,
): Subject {
  return {
    name,
    async open(bench: Bench) {
      const factors = await setUpFactors(bench)
      const server = await startServer(bench, factors.server)
      const origin = `http://localhost:${server.port}`
      async function measureFor(seconds: number) {
        await factors.forgetCodes()
        const signIns = await begin(factors, seconds * MAX_SIGN_INS_PER_SECOND, origin)
        return signIn(server, signIns, connections, seconds)
      }
      return {
        async measure() {
          await measureFor(warmUpSeconds)
          return measureFor(bench.seconds)
        },
        close: server.stop,
      }
    },
  }
}

/** Sends sign-ins in closed loops: each connection begins another one when its last one is done. */
async function signIn(
  server: RunningServer,
  signIns: SignIn[],
  connectionCount: number,
  seconds: number,
): Promise<Sample> {
  const faults: string[] = []
  let [next, done] = [0, 0]
  const connections = await Promise.all(
    Array.from({ length: connectionCount }, () => openKeepAlive(server.port)),
  )
  const began = performance.now()
  const processorBefore = server.cpuSeconds()
  const isOver = () => performance.now() - began > seconds * 1000

  async function loop(connection: KeepAlive) {
    const post = async (path: string, body: object) => JSON.parse(await connection.post(path, body))
    while (!isOver()) {
      const signIn = signIns[next++]
      if (!signIn) return void faults.push('too few sign-ins were prepared')
      const answer = await signIn(post)
      if (answer && typeof answer === 'object' && 'accessToken' in answer) done++
      else faults.push(`a sign-in got ${JSON.stringify(answer).slice(0, 200)}`)
    }
  }

  await Promise.all(connections.map(loop))
  const elapsed = (performance.now() - began) / 1000
  const processor = server.cpuSeconds() - processorBefore
  for (const connection of connections) connection.close()
  return {
    figures: { 'answers/s': done / elapsed, 'processor ms each': (processor * 1000) / done },
    faults: faults.slice(0, 3),
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

export const factors: Operation = {
  title: 'second factors',
  subjects: [
    createSignInSubject(
      'Servauth, password alone',
      ({ byPassword }, count) => numbers(count).map(byPassword),
      HASHING,
    ),
    createSignInSubject(
      'Servauth, password and code',
      ({ byPasswordAndCode }, count) => numbers(count).map(byPasswordAndCode),
      HASHING,
    ),
    createSignInSubject('Servauth, code alone', ({ beginSignIns }, count) => beginSignIns(count)),
    createSignInSubject('Servauth, passkey', ({ beginPasskeyLogins }, count, origin) =>
      beginPasskeyLogins(count, origin),
    ),
  ],
}
