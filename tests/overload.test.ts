import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { limitOperations } from '../src/auth/throttle/operation-limit.ts'
import { createPace } from '../src/auth/throttle/pace.ts'
import { type Caller, NO_CLIENT } from '../src/contract/caller.ts'
import { useDatabase } from './support/database.ts'
import { startProgram } from './support/program.ts'
import { startServer } from './support/server.ts'

const ROUNDS = 10
const ROUND_MS = 1000
/** The other side of a connection is not needed: each asks again as soon as it is answered. */
const CONNECTIONS = 2000

const database = useDatabase()

test('ten seconds of overload cause no query and no bypass while the listener is alive', async () => {
  // Connected directly, since a proxy would share the overloaded event loop. The numbers are read without a port.
  const server = await startServer({ DATABASE_URL: database.url, METRICS_PORT: '9' })
  const people = await Promise.all(Array.from({ length: 4 }, () => server.registerUser('REST', 'TOKEN')))
  const ask = (index: number) => {
    const authorization = `Bearer ${people[index % people.length]?.client.kept.accessToken}`
    return server.app.request('/auth/me', { headers: { authorization } }, { address: () => '192.0.2.1' })
  }
  await server.catchUp()
  for (const index of people.keys()) await ask(index)

  async function overload() {
    const before = await numbersOf(server)
    const end = performance.now() + ROUND_MS
    const statuses = new Set<number>()
    let answers = 0
    const connection = async (_: unknown, index: number) => {
      while (performance.now() < end) {
        statuses.add((await ask(index)).status)
        answers++
        // As if the next one arrived over a socket. All the others are answered before the event loop goes on.
        await new Promise((next) => setImmediate(next))
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, connection))
    const after = await numbersOf(server)
    const queries = after.bypass - before.bypass + after.miss - before.miss
    return { answers, statuses: [...statuses], hits: after.hit - before.hit, queries }
  }
  const rounds: Awaited<ReturnType<typeof overload>>[] = []
  while (rounds.length < ROUNDS) rounds.push(await overload())

  // If other programs take the processor from the listening thread for 180 ms, it is not alive for the cache.
  const quiet = rounds.filter(({ queries }) => queries === 0)
  expect(quiet.length).toBeGreaterThanOrEqual(ROUNDS / 2)
  for (const { answers, statuses, hits } of quiet) expect([statuses, hits]).toEqual([[200], answers])
})

describe('ten times as many operations as can be served', () => {
  const MAX_OPERATIONS = 500
  const nextTurn = () => new Promise((next) => setImmediate(next))

  test('operations start for every hundredth answer from the session cache, and the others are refused', async () => {
    const counts = { me: 0, served: 0, refused: 0 }
    const SERVED = 50
    const service = limitOperations(
      {
        me: () => counts.me++,
        async refresh() {
          // As if it waited for the database.
          await nextTurn()
          await nextTurn()
        },
      },
      { isShared: false, countCachedAnswers: () => counts.me },
    )
    const act = service.refresh as (input: never, caller: Caller) => Promise<void>
    const [input, caller] = [undefined as never, { client: NO_CLIENT } as Caller]
    const isOver = () => counts.served >= SERVED

    const me = async () => {
      for (; !isOver(); await nextTurn()) service.me()
    }
    const refresh = async () => {
      for (; !isOver(); await nextTurn()) {
        await act(input, caller).then(
          () => counts.served++,
          () => counts.refused++,
        )
      }
    }
    await Promise.all([...Array.from({ length: 64 }, me), ...Array.from({ length: 640 }, refresh)])

    expect(counts.me).toBeGreaterThan(50 * SERVED)
    expect(counts.refused).toBeGreaterThan(SERVED)
  })

  test.each([
    ['all networks together', MAX_OPERATIONS, {}],
    ['one network', MAX_OPERATIONS / 2, { THROTTLE: 'on' }],
  ])(
    'more than the operations that may wait for %s are refused with a time to try again',
    async (_, count, settings) => {
      const server = await startServer(settings)
      const client = server.client('REST', 'TOKEN')
      const answers = await Promise.all(
        Array.from({ length: count + 20 }, () => client.call('refresh', { refreshToken: 'invalid' })),
      )

      const refused = answers.filter(({ code }) => code === 'SERVICE_UNAVAILABLE')
      expect(refused.length).toBe(20)
      expect(new Set(refused.map(({ status, retryAfter }) => `${status} ${retryAfter}`))).toEqual(
        new Set(['503 1']),
      )
      expect((await client.register()).status).toBe(201)
    },
  )

  test('work starts by the answers that are given meanwhile, and freely without any', async () => {
    let answers = 0
    const waitForStart = createPace(() => answers, 100)
    let started = 0
    for (let index = 0; index < 1000; index++) void waitForStart().then(() => started++)

    for (let turn = 0; turn < 100; turn++) {
      await nextTurn()
      answers += 50
    }
    expect(started).toBeGreaterThan(45)
    expect(started).toBeLessThan(55)
    for (let turn = 0; turn < 300; turn++) await nextTurn()
    expect(started).toBe(1000)
  })
})

describe.skipIf(process.platform !== 'linux')('on one core', () => {
  const ENTRY = fileURLToPath(new URL('../src/index.ts', import.meta.url))
  const database = useDatabase()

  test('hashes have a lower priority than requests', async () => {
    const [core = '0'] = /(?<=Cpus_allowed_list:\s*)\d+/.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    const { pid, client } = await startProgram(
      { DATABASE_URL: database.url, LOG_LEVEL: 'fatal' },
      { bun: 'taskset', entry: '--cpu-list', args: [core, process.execPath, ENTRY] },
    )
    await client('REST', 'TOKEN').register()

    const niceness = (folder: string) =>
      Number(readFileSync(`${folder}/stat`, 'utf8').split(') ')[1]?.split(' ')[16])
    const tasks = readdirSync(`/proc/${pid}/task`).map((id) => `/proc/${pid}/task/${id}`)
    const pool = tasks.filter((task) => readFileSync(`${task}/comm`, 'utf8').startsWith('Bun Pool'))
    expect(Math.max(...pool.map(niceness))).toBe(5)
    expect(niceness(`/proc/${pid}`)).toBe(0)
  })
})

async function numbersOf({ metrics }: Awaited<ReturnType<typeof startServer>>) {
  const text = (await metrics?.text()) ?? ''
  const of = (outcome: string) =>
    Number(
      new RegExp(`^servauth_session_cache_lookups_total{outcome="${outcome}"} (\\d+)`, 'm').exec(text)?.[1],
    )
  return { hit: of('hit'), miss: of('miss'), bypass: of('bypass') }
}
