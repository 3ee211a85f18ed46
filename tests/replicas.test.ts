import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBalancer } from './support/balancer.ts'
import { account, type Client, createClient } from './support/client.ts'
import { useDatabase } from './support/database.ts'
import { startProgram } from './support/program.ts'
import { pause } from './support/time.ts'

/** The longest time until a change at one replica takes effect at all replicas. */
const MAX_EFFECT_MS = 250
const USERS = 8
/** A user reads an answer before the next request. Without it, three of them would occupy the whole machine. */
const THINK_MS = 20

const database = useDatabase()
let signedIn: Client
let balancer: Awaited<ReturnType<typeof createBalancer>>
let replicas: Awaited<ReturnType<typeof start>>[] = []

beforeAll(async () => {
  await database.sql.unsafe('drop schema public cascade; create schema public')
  replicas = await Promise.all([start(), start(), start()])
  balancer = await createBalancer(replicas.map(({ url }) => url))
  signedIn = clientAt(balancer.url)
  await signedIn.register()
})
afterAll(async () => {
  await Promise.all(replicas.map(({ stop }) => stop()))
  await balancer.close()
})

async function start() {
  const server = await startProgram({
    DATABASE_URL: database.url,
    PUBLIC_URL: 'http://localhost:3000',
    TRUSTED_PROXIES: '127.0.0.1',
    SHUTDOWN_DELAY_SECONDS: '1',
    LOG_LEVEL: 'error',
    THROTTLE: 'on',
  })
  // The balancer connects by this address, which is the trusted proxy's.
  return { ...server, url: server.url.replace('localhost', '127.0.0.1') }
}

let addresses = 0
const newAddress = () => `203.0.113.${++addresses}`

type Sent = { at: number; until: number; what: string; outcome: string }

/** A client with its own IP address, as a trusted proxy reports it; each request is a new connection by default. */
function clientAt(url: string, { address = newAddress(), keepalive = false, sent = [] as Sent[] } = {}) {
  const ask = async (path: string, init: RequestInit = {}) => {
    const request = { at: performance.now(), until: 0, what: `${init.method ?? 'GET'} ${path}`, outcome: '' }
    sent.push(request)
    try {
      const headers = { ...init.headers, 'x-forwarded-for': address }
      const response = await fetch(url + path, { ...init, headers, keepalive })
      request.outcome = String(response.status)
      return response
    } catch (fault) {
      request.outcome = String(fault)
      throw fault
    } finally {
      request.until = performance.now()
    }
  }
  return createClient(ask, 'REST', 'TOKEN')
}

/** A user who signs up, in and out until it is over. @returns the wrong answers */
async function live(keepalive: boolean, sent: Sent[], isOver: () => boolean) {
  const wrong: string[] = []
  while (!isOver()) {
    const client = clientAt(balancer.url, { keepalive, sent })
    const person = account()
    const acts: [string, () => Promise<{ data: unknown; code?: string; reason?: string }>, string?][] = [
      ['register', () => client.register(person)],
      ['me', () => client.me()],
      ['refresh', () => client.refresh()],
      ['me again', () => client.me()],
      ['login', () => client.login(person)],
      ['sessions', () => client.sessions()],
      ['logout', () => client.logout()],
      ['me after logout', () => pause(MAX_EFFECT_MS).then(() => client.me()), 'REVOKED'],
    ]
    for (const [name, act, refusal] of acts) {
      await pause(THINK_MS)
      const answer = await act().catch(() => null)
      // Without an answer the state of the account is unknown, so the loop goes on with a new one.
      if (!answer || answer.code === BUSY) break
      if (answer.reason !== refusal || Boolean(answer.data) === Boolean(refusal))
        wrong.push(`${name}: ${JSON.stringify(answer)}`)
    }
  }
  return wrong
}

/** A user who is signed in and reads `me` until it is over. @returns the wrong answers */
async function look(keepalive: boolean, sent: Sent[], isOver: () => boolean) {
  const client = clientAt(balancer.url, { keepalive, sent })
  Object.assign(client.kept, signedIn.kept)
  const wrong: string[] = []
  while (!isOver()) {
    const answer = await client.me().catch(() => null)
    if (answer && !answer.data && answer.code !== BUSY) wrong.push(`look: ${JSON.stringify(answer)}`)
    await pause(THINK_MS)
  }
  return wrong
}

/**
 * The replicas may expect that clients and balancers notice them stop within a second. Both run in this process, which a busy
 * machine may hold up for longer.
 */
const MAX_PAUSE_MS = 500
/** A busy machine may also be too slow for a hash or a query, and a replica says so. */
const BUSY = 'SERVICE_UNAVAILABLE'
const MAX_ROUNDS = 5

/** Watches how long nothing happens in this process. */
function watchPauses() {
  let [longestMs, lastAt] = [0, performance.now()]
  const timer = setInterval(() => {
    const now = performance.now()
    longestMs = Math.max(longestMs, now - lastAt)
    lastAt = now
  }, 10)
  return () => {
    clearInterval(timer)
    return longestMs
  }
}

/**
 * Disturbs the replicas while users send requests, again if the machine was so busy that requests may have failed for that.
 * A real fault shows in every round.
 * @returns all requests, the wrong answers, the failed requests
 */
async function underLoad(disturb: () => Promise<void>) {
  for (let round = 1; ; round++) {
    const stopWatch = watchPauses()
    const sent: Sent[] = []
    let over = false
    const users = Array.from({ length: USERS }, (_, index) => (index < 3 ? live : look))
    const lives = users.map((act, index) => act(index % 2 === 0, sent, () => over))
    await disturb()
    over = true
    const wrong = (await Promise.all(lives)).flat()
    const failed = sent.filter(({ outcome }) => !/^[24]/.test(outcome))
    const wasBusy = stopWatch() > MAX_PAUSE_MS || failed.some(({ outcome }) => outcome === '503')
    if (!wasBusy || failed.length + wrong.length === 0 || round === MAX_ROUNDS) return { sent, wrong, failed }
  }
}

/** Starts another replica in the place of one, and waits until the balancer uses it. */
async function join(index: number) {
  const added = await start()
  balancer.add(added.url)
  replicas[index] = added
  await expect.poll(() => balancer.connections()[added.url]).toBeGreaterThan(3)
}

test('three replicas that start at once on an empty database migrate it once and make one key', async () => {
  const applied =
    await database.sql`select name, count(*)::int as times from servauth_migrations group by name`
  const keys = await database.sql`select id from jwks`

  expect(applied.length).toBeGreaterThan(3)
  expect(applied.every(({ times }) => times === 1)).toBe(true)
  expect(keys).toHaveLength(1)
})

test('a session that one replica opened works at all replicas, and ends at all of them', async () => {
  const [first, second, third] = replicas.map(({ url }) => clientAt(url)) as [Client, Client, Client]
  const { data } = await first.register()
  for (const other of [second, third]) Object.assign(other.kept, first.kept)

  const seen = await second.me()
  await third.me()
  await third.logout()
  const endedAt = performance.now()
  await pause(MAX_EFFECT_MS)
  const after = await Promise.all([first, second, third].map((client) => client.me()))

  expect(seen.data?.id).toBe(data?.user.id)
  expect(performance.now() - endedAt).toBeGreaterThanOrEqual(MAX_EFFECT_MS)
  expect(after.map(({ code, reason }) => [code, reason])).toEqual(
    Array(3).fill(['UNAUTHENTICATED', 'REVOKED']),
  )
})

test('login attempts are counted over all replicas', async () => {
  const address = newAddress()
  const person = account()
  await clientAt(balancer.url).register(person)
  const before = balancer.connections()

  for (let attempt = 0; attempt < 20; attempt++) {
    expect((await clientAt(balancer.url, { address }).login(person)).status).toBe(200)
  }
  const refused = await Promise.all(replicas.map(({ url }) => clientAt(url, { address }).login(person)))
  const elsewhere = await clientAt(balancer.url).login(person)

  const met = Object.entries(balancer.connections()).map(([url, count]) => count - (before[url] ?? 0))
  expect(met.every((count) => count >= 6)).toBe(true)
  expect(refused.map(({ code }) => code)).toEqual(Array(3).fill('TOO_MANY_REQUESTS'))
  expect(elsewhere.status).toBe(200)
})

test('a replica that is killed under load fails only the requests that it was answering', async () => {
  const kills: { from: number; until: number }[] = []

  const { sent, wrong, failed } = await underLoad(async () => {
    for (const [index, replica] of replicas.entries()) {
      await pause(500)
      const from = performance.now()
      replica.kill('SIGKILL')
      await replica.exited
      kills.push({ from, until: performance.now() })
      await pause(500)
      balancer.remove(replica.url)
      await join(index)
    }
  })

  const wasUnderWay = ({ at, until }: Sent) => kills.some((kill) => at < kill.until && until > kill.from)
  expect(sent.length).toBeGreaterThan(100)
  expect(failed.filter((request) => !wasUnderWay(request))).toEqual([])
  expect(failed.length).toBeLessThanOrEqual(USERS * kills.length)
  expect(wrong).toEqual([])
})

test('a rolling restart under load fails no request', async () => {
  const exits: unknown[] = []

  const { sent, wrong, failed } = await underLoad(async () => {
    for (const [index, replica] of replicas.entries()) {
      await join(index)
      exits.push(await replica.stop())
      balancer.remove(replica.url)
    }
  })

  expect(sent.length).toBeGreaterThan(100)
  expect(failed).toEqual([])
  expect(wrong).toEqual([])
  expect(exits).toEqual(Array(exits.length).fill({ code: 0, signal: null }))
})
