import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { limitOperations, MIN_REFUSAL_MS } from '../src/auth/load/operation-limit.ts'
import { createPace } from '../src/auth/load/pace.ts'
import type { Caller } from '../src/contract/caller.ts'
import { AuthError } from '../src/errors.ts'
import { JSON_TYPE } from './support/client.ts'
import { openDatabase, useDatabase } from './support/database.ts'
import { PROGRAM } from './support/process.ts'
import { startProgram } from './support/program.ts'
import { REAL_HASHES, startServer } from './support/server.ts'
import { findListeners, openWitness } from './support/witness.ts'

const ROUNDS = 20
const ROUND_MS = 500
/** The other side of a connection is not needed: each asks again as soon as it is answered. */
const CONNECTIONS = 2000

/** Connected directly, since a proxy would share the overloaded event loop. The numbers are read without a port. */
async function startOverloaded(settings = {}) {
  const { url } = await openDatabase()
  const others = findListeners()
  const server = await startServer({ ...settings, DATABASE_URL: url, METRICS_PORT: '9' })
  const listeners = findListeners().filter((id) => !others.includes(id))
  return { ...server, listeners, witness: await openWitness(url) }
}
type Server = Awaited<ReturnType<typeof startOverloaded>>

const registerUsers = (server: Pick<Server, 'registerUser'>, count: number) =>
  Promise.all(Array.from({ length: count }, () => server.registerUser('REST', 'TOKEN')))

const MANY_READS = 2000
/** In a look, so that they are protected. They take a tenth of a core. */
const READS = 10
/** More than a server can give since it has started. */
const MANY_ANSWERS = 1e12
const nextTurn = () => new Promise((next) => setImmediate(next))
/** Waiting work is looked at once in a millisecond. */
const nextLook = () => new Promise((next) => setTimeout(next, 2))
const at = <T>(list: T[], index: number) => list[index % list.length] as T

test('ten seconds of overload cause no query and no bypass while the listener is alive', {
  retry: 0,
}, async () => {
  const server = await startOverloaded()

  async function overload() {
    const users = await registerUsers(server, 4)
    const ask = (index: number) => send(server, 'GET /auth/me', at(users, index).client.kept.accessToken)
    await server.catchUp()
    for (const index of users.keys()) await ask(index)
    const before = await numbersOf(server)
    const end = performance.now() + ROUND_MS
    const statuses = new Set<number>()
    let answers = 0
    const connection = async (_: unknown, index: number) => {
      // As if the next one arrived over a socket. All the others are answered before the event loop goes on.
      for (; performance.now() < end; await nextTurn()) {
        statuses.add((await ask(index)).status)
        answers++
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, connection))
    return { answers, statuses: [...statuses], ...growth(before, await numbersOf(server)) }
  }

  for (let round = 0; round < ROUNDS; round++) {
    const { answers, ...others } = await server.witness.repeatUntilAlive(overload, server.listeners)

    expect(others).toEqual({ statuses: [200], hit: answers, miss: 0, bypass: 0 })
  }
})

describe('ten times as many operations as can be served', () => {
  const MAX_OPERATIONS = 500
  /** So many that refusals, which wait, are sent meanwhile. */
  const SERVED = 60

  type User = Awaited<ReturnType<typeof registerUsers>>[number]
  const FLOOD: ((server: Server, user: User) => Response | Promise<Response>)[] = [
    (server, { client }) =>
      send(server, 'POST /auth/refresh', null, { refreshToken: client.kept.refreshToken }),
    (server, { client }) => send(server, 'PUT /auth/me', client.kept.accessToken, { username: 'Ada' }),
    (server, { input }) => send(server, 'POST /auth/login', null, { ...input, transport: 'TOKEN' }),
  ]

  test('of a flood of logins, refreshes and changes few start beside cached answers', {
    retry: 0,
  }, async () => {
    const server = await startOverloaded(REAL_HASHES)

    async function overload() {
      // A change of a user removes their sessions from the cache.
      const [readers, writers] = [await registerUsers(server, 8), await registerUsers(server, 8)]
      const ask = (index: number) => send(server, 'GET /auth/me', at(readers, index).client.kept.accessToken)
      for (const index of readers.keys()) await ask(index)
      // From the first refusal on. Before it, the pace of the operations depends on what the machine did before the flood.
      const counts = { me: 0, served: 0, refused: 0 }
      let reads = 0
      const answers = new Set<string>()
      // At most one refusal for every 10 cached answers, so a good server serves long before that many.
      const isOver = () => counts.served >= SERVED || counts.refused >= 40 * SERVED

      const me = async (_: unknown, index: number) => {
        for (; !isOver(); await nextTurn()) {
          answers.add(`me ${(await ask(index)).status}`)
          reads++
          if (counts.refused > 0) counts.me++
        }
      }
      const flood = async (_: unknown, index: number) => {
        // The readers were there before.
        while (reads < MANY_READS) await nextTurn()
        for (; !isOver(); await nextTurn()) {
          const response = await at(FLOOD, index)(server, at(writers, index))
          const { code, retryAfter } = await response.json()
          if (isOver()) return
          answers.add(code ? `${code} ${retryAfter}` : `flood ${response.status}`)
          if (code) counts.refused++
          else if (counts.refused > 0) counts.served++
        }
      }
      await Promise.all([...Array.from({ length: 64 }, me), ...Array.from({ length: 640 }, flood)])
      const before = await numbersOf(server)
      for (const index of readers.keys()) await ask(index)
      return { answers: [...answers].sort(), counts, afterwards: growth(before, await numbersOf(server)) }
    }

    const { answers, counts, afterwards } = await server.witness.repeatUntilAlive(overload)

    expect(answers).toEqual(['SERVICE_UNAVAILABLE 1', 'flood 200', 'me 200'])
    expect(counts.me).toBeGreaterThan(100 * counts.served)
    expect(counts.refused).toBeGreaterThan(counts.served)
    // Refusals wait for their turn as well, or clients that try again immediately would keep the server busy.
    expect(counts.me).toBeGreaterThan(6 * counts.refused)
    expect(afterwards).toEqual({ hit: 8, miss: 0, bypass: 0 })
  })

  test.each<[string, string, string | null, object?]>([
    ['an unknown path', 'GET /nowhere', null],
    ['input that is not valid', 'POST /auth/login', null, { email: 1 }],
    ['an unknown field', 'POST /graphql', null, { query: '{ nowhere }' }],
    ['a document without an operation of ours', 'POST /graphql', null, { query: '{ __typename }' }],
    ['`me` without credentials', 'GET /auth/me', null],
    ['an invented token', 'GET /auth/me', 'a.b.c'],
    ['a body that is too long', 'POST /auth/login', null, { email: 'a'.repeat(10_000) }],
    ['the health check', 'GET /health', null],
    ['the published keys', 'GET /.well-known/jwks.json', null],
    ['a method that is not allowed', 'OPTIONS /auth/login', null],
  ])(
    'of a flood of requests for %s, few are answered beside cached answers',
    async (_, route, bearer, body) => {
      const server = await startOverloaded()

      async function overload() {
        const readers = await registerUsers(server, 4)
        const ask = (index: number) =>
          send(server, 'GET /auth/me', at(readers, index).client.kept.accessToken)
        await server.catchUp()
        for (const index of readers.keys()) await ask(index)
        const counts = { me: 0, flood: 0 }
        const isOver = () => counts.flood >= 500 || counts.me >= 20_000

        const me = async (_: unknown, index: number) => {
          for (; !isOver(); await nextTurn()) {
            await ask(index)
            counts.me++
          }
        }
        const flood = async () => {
          while (counts.me < MANY_READS) await nextTurn()
          for (; !isOver(); await nextTurn()) {
            await send(server, route, bearer, body)
            if (!isOver()) counts.flood++
          }
        }
        await Promise.all([...Array.from({ length: 64 }, me), ...Array.from({ length: 640 }, flood)])
        return counts
      }

      // Only answers from the session cache are protected.
      const counts = await server.witness.repeatUntilAlive(overload)

      expect(counts.me - MANY_READS).toBeGreaterThan(6 * counts.flood)
    },
  )

  test('beside many cached answers, a client with a mistake is answered within a few turns', async () => {
    const server = await startServer()
    const [reader] = await registerUsers(server, 1)
    const ask = () => send(server, 'GET /auth/me', reader?.client.kept.accessToken ?? null)
    await ask()
    let turns = 0
    let isOver = false
    const me = async () => {
      for (; !isOver; await nextTurn()) await ask()
    }
    const countTurns = async () => {
      for (; !isOver; await nextTurn()) turns++
    }
    const makeMistakes = async () => {
      const waited: number[] = []
      for (let mistake = 0; mistake < 50; mistake++) {
        for (const end = turns + 5; turns < end; ) await nextTurn()
        const before = turns
        await send(server, 'POST /auth/login', null, {})
        waited.push(turns - before)
      }
      isOver = true
      return waited
    }
    const [waited] = await Promise.all([makeMistakes(), countTurns(), ...Array.from({ length: 64 }, me)])

    expect(Math.max(...waited)).toBeLessThan(5)
  })

  test.each(['answer', 'operation'] as const)(
    'however many wait of one network, the %s of another comes next',
    async (kind) => {
      let answers = MANY_ANSWERS
      const refresh: (...args: unknown[]) => unknown = () => 'done'
      const limits = { isShared: true, countCachedAnswers: () => answers }
      const { useCases, waitForTurn } = limitOperations({ refresh }, limits)
      const ended: string[] = []
      const wait = async (ipAddress: string) => {
        const caller = { client: { ipAddress } } as Caller
        await (kind === 'answer' ? waitForTurn(ipAddress, 0) : useCases.refresh(undefined, caller))
        ended.push(ipAddress)
      }
      for (let index = 0; index < 200; index++) wait('192.0.2.1').catch(() => {})
      void wait('198.51.100.1')

      for (; !ended.includes('198.51.100.1'); answers += 1000) await nextLook()
      expect(ended.indexOf('198.51.100.1')).toBeLessThan(10)
    },
  )

  test('answers to clients that have gone leave the queue before the next answer of their network', async () => {
    let answers = MANY_ANSWERS
    const { waitForStart } = createPace(() => answers, 10, { idleStartsPerMs: 0 })
    const gone = new AbortController()
    let dropped = 0
    for (let index = 0; index < 1000; index++)
      void waitForStart('192.0.2.1', 1, gone.signal).then(() => dropped++)
    gone.abort()
    const live = waitForStart('192.0.2.1').then(() => dropped)

    for (let look = 0; look < 20; look++) {
      answers += 50
      await nextLook()
    }
    expect(dropped).toBe(1000)
    expect(await live).toBe(1000)
  })

  test('an answer whose work took long counts as several', async () => {
    let answers = MANY_ANSWERS
    const { waitForStart } = createPace(() => answers, 10, { idleStartsPerMs: 0 })
    let started = 0
    for (let index = 0; index < 1000; index++) void waitForStart('192.0.2.1', 10).then(() => started++)

    for (let look = 0; look < 20; look++) {
      answers += 500
      await nextLook()
    }
    expect(started).toBeGreaterThan(90)
    expect(started).toBeLessThan(110)
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

  test.each([
    ['POST /auth/refresh', { refreshToken: 1 }],
    ['POST /graphql', { query: 'mutation { refresh(input: 1) { user { id } } }' }],
  ])('a busy server answers %s with 503 before it parses the input', async (route, body) => {
    const server = await startServer()
    const flood = Array.from({ length: MAX_OPERATIONS }, async () =>
      send(server, 'POST /auth/refresh', null, { refreshToken: 'invalid' }),
    )
    const answer = await send(server, route, null, body)
    await Promise.all(flood)

    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    expect((await send(server, route, null, body)).status).toBe(400)
  })

  test('work starts by the answers that are given meanwhile, and freely without any', async () => {
    let answers = MANY_ANSWERS
    const { waitForStart } = createPace(() => answers, 100, { idleStartsPerMs: 0 })
    let started = 0
    for (let index = 0; index < 1000; index++) void waitForStart().then(() => started++)

    for (let look = 0; look < 100; look++) {
      answers += 50
      await nextLook()
    }
    expect(started).toBeGreaterThan(45)
    expect(started).toBeLessThan(55)
    await expect.poll(() => started).toBe(1000)
  })

  test('a turn without answers between two batches of answers starts no work', async () => {
    let answers = MANY_ANSWERS
    const { waitForStart } = createPace(() => answers, Number.POSITIVE_INFINITY, { idleStartsPerMs: 0 })
    let started = 0
    for (let index = 0; index < 100; index++) void waitForStart().then(() => started++)
    await nextTurn()
    const before = started

    for (let batch = 0; batch < 20; batch++) {
      // So many that no pause of the machine makes them few.
      answers += 1e6
      await nextTurn()
      await nextTurn()
    }
    expect(started).toBe(before)
  })

  test('beside many answers, as much work may wait as starts in time, and what waits too long is given up', async () => {
    let answers = MANY_ANSWERS
    const { waitForStart, countStarts } = createPace(() => answers, Number.POSITIVE_INFINITY, {
      idleStartsPerMs: 0,
      maxWaitMs: 1,
    })
    const pending: Promise<boolean>[] = []

    do {
      pending.push(waitForStart())
      answers += 1e6
      await nextTurn()
    } while (countStarts(500) > 100)
    expect(await Promise.all(pending)).toContain(false)
    const countAfterStart = () => waitForStart().then(() => countStarts(500))
    await expect.poll(countAfterStart).toBe(Infinity)
  })

  test('few clients that ask again as soon as they are answered are noticed behind a flood', async () => {
    let answers = 0
    const { waitForStart, countStarts } = createPace(() => answers, Number.POSITIVE_INFINITY, {
      idleStartsPerMs: 0,
    })
    let started = 0
    for (let index = 0; index < 10_000; index++) void waitForStart().then(() => started++)

    // A turn that starts work leaves them no time to ask.
    for (let before = -1; started < 10_000 && countStarts(1) === Infinity; await nextTurn()) {
      if (started === before) answers++
      before = started
    }
    expect(started).toBeLessThan(10_000)
  })

  test('a thread that runs all the time does not rest, though the kernel counts its time in steps', async () => {
    let answers = MANY_ANSWERS
    const { waitForStart } = createPace(() => answers, Number.POSITIVE_INFINITY, { idleStartsPerMs: 8 })
    let started = 0
    for (let index = 0; index < 10_000; index++) void waitForStart().then(() => started++)

    /** @returns how many started, and how long the thread did not run */
    async function runAllTheTime() {
      const before = { at: performance.now(), cpu: process.threadCpuUsage(), started }
      while (performance.now() - before.at < 200) {
        answers += 1000
        for (const end = performance.now() + 1.2; performance.now() < end; );
        await nextTurn()
      }
      const { user, system } = process.threadCpuUsage(before.cpu)
      const idleMs = performance.now() - before.at - (user + system) / 1000
      return { started: started - before.started, idleMs }
    }
    await runAllTheTime()
    const round = await runAllTheTime()

    // On a busy machine, other programs take the processor meanwhile.
    expect(round.started).toBeLessThan(8 * (round.idleMs + 20))
  })

  test('without answers to others, what 64 clients ask at once starts at once', async () => {
    const { waitForStart } = createPace(() => 0, Number.POSITIVE_INFINITY)
    await Bun.sleep(50)
    let started = 0
    for (let index = 0; index < 64; index++) void waitForStart().then(() => started++)
    await nextTurn()
    await nextTurn()

    expect(started).toBe(64)
  })

  test('without answers to others, batches of cheap work grow', async () => {
    const { waitForStart } = createPace(() => 0, Number.POSITIVE_INFINITY)
    let started = 0
    for (let index = 0; index < 10_000; index++) void waitForStart().then(() => started++)

    let looks = 0
    for (; started < 10_000; looks++) await nextLook()
    expect(looks).toBeLessThan(200)
  })

  test('beside moderate reads, work that leaves the thread at rest starts faster and faster', async () => {
    let answers = MANY_ANSWERS
    const { waitForStart } = createPace(() => answers, Number.POSITIVE_INFINITY)
    let started = 0
    for (let index = 0; index < 1000; index++) void waitForStart().then(() => started++)

    let looks = 0
    for (; started < 1000; looks++) {
      answers += READS
      await nextLook()
    }
    expect(looks).toBeLessThan(200)
  })

  test('after a pause of the thread, waiting work starts again beside moderate reads', async () => {
    let answers = MANY_ANSWERS
    const { waitForStart } = createPace(() => answers, Number.POSITIVE_INFINITY)
    let started = 0
    for (let index = 0; index < 1000; index++) void waitForStart().then(() => started++)
    answers += MANY_READS
    await nextLook()
    for (const end = performance.now() + 300; performance.now() < end; );

    let looks = 0
    for (; started < 1000 && looks < 1000; looks++) {
      answers += READS
      await nextLook()
    }
    expect(started).toBe(1000)
  })

  test('beside moderate reads, a burst of operations is not refused while the thread rests', async () => {
    let answers = MANY_ANSWERS
    const limits = { isShared: true, countCachedAnswers: () => answers }
    const refresh: (...args: unknown[]) => unknown = () => 'done'
    const { useCases, refuseIfBusy } = limitOperations({ refresh }, limits)
    const caller = { client: { ipAddress: '192.0.2.1' } } as Caller
    for (let look = 0; look < 100; look++) {
      answers += READS
      await nextLook()
    }
    const outcomes: unknown[] = []
    for (let index = 0; index < 100; index++) {
      const call = async () => {
        await refuseIfBusy(caller)
        return useCases.refresh(undefined, caller)
      }
      void call().then(
        (done) => outcomes.push(done),
        ({ code }) => outcomes.push(code),
      )
    }

    for (; outcomes.length < 100; answers += READS) await nextLook()
    expect(new Set(outcomes)).toEqual(new Set(['done']))
  })

  test('an operation that was given up after a while is refused without a further wait', async () => {
    const order: string[] = []
    const timer = Promise.withResolvers<void>()
    const giveUp: (...args: unknown[]) => unknown = async () => {
      await new Promise((done) => setTimeout(done, MIN_REFUSAL_MS))
      setTimeout(() => timer.resolve(), MIN_REFUSAL_MS / 2)
      throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
    }
    const { useCases } = limitOperations({ giveUp }, { isShared: true, countCachedAnswers: () => 0 })
    const caller = { client: { ipAddress: '192.0.2.1' } } as Caller

    const refusal = Promise.resolve(useCases.giveUp(undefined, caller)).catch(() => order.push('refusal'))
    await Promise.all([refusal, timer.promise.then(() => order.push('later'))])
    expect(order).toEqual(['refusal', 'later'])
  })

  test('without answers to others, operations start in batches, though each looks into the cache', async () => {
    let lookUps = 0
    const lookUp: (...args: unknown[]) => unknown = () => lookUps++
    const { useCases } = limitOperations({ lookUp }, { isShared: false, countCachedAnswers: () => lookUps })
    const caller = { client: { ipAddress: '192.0.2.1' } } as Caller
    for (let index = 0; index < MAX_OPERATIONS; index++) void useCases.lookUp(undefined, caller)

    let looks = 0
    for (; lookUps < MAX_OPERATIONS; looks++) await nextLook()
    expect(looks).toBeLessThan(100)
  })
})

describe.skipIf(process.platform !== 'linux')('on one core', () => {
  const database = useDatabase()

  test('hashes have a lower priority than requests', async () => {
    const [core = '0'] = /(?<=Cpus_allowed_list:\s*)\d+/.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    const { pid, client } = await startProgram(
      { DATABASE_URL: database.url, LOG_LEVEL: 'fatal' },
      { bun: 'taskset', entry: '--cpu-list', args: [core, PROGRAM] },
    )
    await client('REST', 'TOKEN').register()

    const niceness = (folder: string) =>
      Number(readFileSync(`${folder}/stat`, 'utf8').split(') ')[1]?.split(' ')[16])
    const tasks = readdirSync(`/proc/${pid}/task`).map((id) => `/proc/${pid}/task/${id}`)
    const pool = tasks.filter((task) => readFileSync(`${task}/comm`, 'utf8').startsWith('Bun Pool'))
    expect(Math.max(...pool.map(niceness))).toBe(14)
    expect(niceness(`/proc/${pid}`)).toBe(0)
  })
})

function send(server: Pick<Server, 'app'>, route: string, bearer: string | null, body?: object) {
  const [method = '', path = ''] = route.split(' ')
  const headers = { ...JSON_TYPE, ...(bearer && { authorization: `Bearer ${bearer}` }) }
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
  return server.app.request(path, init, { address: () => '192.0.2.1' })
}

/** How many look-ups of the session cache ended how. */
async function numbersOf({ metrics }: Server) {
  const text = (await metrics?.text()) ?? ''
  const of = (outcome: string) =>
    Number(
      new RegExp(`^servauth_session_cache_lookups_total{outcome="${outcome}"} (\\d+)`, 'm').exec(text)?.[1],
    )
  return { hit: of('hit'), miss: of('miss'), bypass: of('bypass') }
}

type Numbers = Awaited<ReturnType<typeof numbersOf>>
const growth = (before: Numbers, after: Numbers) => ({
  hit: after.hit - before.hit,
  miss: after.miss - before.miss,
  bypass: after.bypass - before.bypass,
})
