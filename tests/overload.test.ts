import { readdirSync, readFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { MAX_OPERATIONS } from '../src/auth/load/operation-limit.ts'
import { JSON_TYPE } from './support/client.ts'
import { openDatabase, useDatabase } from './support/database.ts'
import { PROGRAM } from './support/process.ts'
import { startProgram } from './support/program.ts'
import { send as sendTo } from './support/send.ts'
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

    /** Empty if the thread has ended meanwhile. */
    const readStat = (id: string) => {
      try {
        return readFileSync(`/proc/${pid}/task/${id}/stat`, 'utf8')
      } catch {
        return ''
      }
    }
    const niceness = (stat: string) => Number(stat.split(') ')[1]?.split(' ')[16])
    const pool = readdirSync(`/proc/${pid}/task`)
      .map(readStat)
      .filter((stat) => stat.includes('(Bun Pool'))
    expect(Math.max(...pool.map(niceness))).toBe(14)
    expect(niceness(readStat(String(pid)))).toBe(0)
  })
})

function send(server: Pick<Server, 'app'>, route: string, bearer: string | null, body?: object) {
  const [method = '', path = ''] = route.split(' ')
  const headers = { ...JSON_TYPE, ...(bearer && { authorization: `Bearer ${bearer}` }) }
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
  return sendTo(server.app, path, init)
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
