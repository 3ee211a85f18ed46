import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBalancer } from './support/balancer.ts'
import { account, type Client, createClient } from './support/client.ts'
import { createDatabase } from './support/database.ts'
import { freePort, startProcess, untilReady } from './support/process.ts'

/** How soon every replica feels what one has done. */
const FELT_MS = 250
const AUTH_SECRET = randomBytes(32).toString('base64url')
const PEOPLE = 8
const PUBLIC_URL = 'http://localhost:3000'

let database: Awaited<ReturnType<typeof createDatabase>>
let seen: Client
let balancer: Awaited<ReturnType<typeof createBalancer>>
let replicas: Awaited<ReturnType<typeof start>>[] = []

beforeAll(async () => {
  database = await createDatabase()
  await database.sql.unsafe('drop schema public cascade; drop schema drizzle cascade; create schema public')
  replicas = await Promise.all([start(), start(), start()])
  await Promise.all(replicas.map(({ url }) => untilReady(url)))
  balancer = await createBalancer(replicas.map(({ url }) => url))
  seen = clientAt(balancer.url)
  await seen.register()
})
afterAll(async () => {
  await Promise.all(replicas.map(({ stop }) => stop()))
  await balancer.close()
  await database.drop()
})

async function start() {
  const url = `http://127.0.0.1:${await freePort()}`
  const server = startProcess({
    env: {
      PORT: new URL(url).port,
      DATABASE_URL: database.url,
      AUTH_SECRET,
      PUBLIC_URL,
      TRUSTED_PROXIES: '127.0.0.1',
      SHUTDOWN_DELAY_SECONDS: '1',
      LOG_LEVEL: 'error',
    },
  })
  return { ...server, url }
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))
let addresses = 0
const newAddress = () => `203.0.113.${++addresses}`

type Sent = { at: number; until: number; what: string; outcome: string }

/** A client at an address of its own, as a trusted proxy would tell of it. Each request is a new connection unless told otherwise. */
function clientAt(url: string, { address = newAddress(), keepalive = false, sent = [] as Sent[] } = {}) {
  const ask = async (path: string, init: RequestInit = {}) => {
    const note = { at: performance.now(), until: 0, what: `${init.method ?? 'GET'} ${path}`, outcome: '' }
    sent.push(note)
    try {
      const headers = { ...init.headers, 'x-forwarded-for': address }
      const response = await fetch(url + path, { ...init, headers, keepalive })
      note.outcome = String(response.status)
      return response
    } catch (fault) {
      note.outcome = String(fault)
      throw fault
    } finally {
      note.until = performance.now()
    }
  }
  return createClient(ask, 'REST', 'TOKEN')
}

/** Somebody who signs up, in and out for as long as it lasts, and minds what is answered. */
async function live(keepalive: boolean, sent: Sent[], isOver: () => boolean) {
  const wrong: string[] = []
  while (!isOver()) {
    const client = clientAt(balancer.url, { keepalive, sent })
    const person = account()
    const acts: [string, () => Promise<{ data: unknown; reason?: string }>, string?][] = [
      ['register', () => client.register(person)],
      ['me', () => client.me()],
      ['refresh', () => client.refresh()],
      ['me again', () => client.me()],
      ['login', () => client.login(person)],
      ['sessions', () => client.sessions()],
      ['logout', () => client.logout()],
      ['me after logout', () => pause(FELT_MS).then(() => client.me()), 'REVOKED'],
    ]
    for (const [name, act, refusal] of acts) {
      const answer = await act().catch(() => null)
      // Whoever got no answer cannot know what is; they begin anew as somebody else.
      if (!answer) break
      if (answer.reason !== refusal || Boolean(answer.data) === Boolean(refusal))
        wrong.push(`${name}: ${JSON.stringify(answer)}`)
    }
  }
  return wrong
}

/** Somebody who is signed in and looks again and again. */
async function look(keepalive: boolean, sent: Sent[], isOver: () => boolean) {
  const client = clientAt(balancer.url, { keepalive, sent })
  Object.assign(client.kept, seen.kept)
  const wrong: string[] = []
  while (!isOver()) {
    const answer = await client.me().catch(() => null)
    if (answer && !answer.data) wrong.push(`look: ${JSON.stringify(answer)}`)
    await pause(5)
  }
  return wrong
}

/** Lets people live while something is done to the replicas. @returns what failed, and what was answered wrongly */
async function underLoad(disturb: () => Promise<void>) {
  const sent: Sent[] = []
  let over = false
  const people = Array.from({ length: PEOPLE }, (_, index) => (index < 3 ? live : look))
  const lives = people.map((does, index) => does(index % 2 === 0, sent, () => over))
  await disturb()
  over = true
  const wrong = (await Promise.all(lives)).flat()
  return { sent, wrong, failed: sent.filter(({ outcome }) => !/^[24]/.test(outcome)) }
}

/** Starts another replica in the place of one, and has it take part. */
async function join(index: number) {
  const added = await start()
  await untilReady(added.url)
  balancer.add(added.url)
  replicas[index] = added
  await expect.poll(() => balancer.connections()[added.url], { timeout: 20_000 }).toBeGreaterThan(3)
}

test('three that start at once on an empty database migrate it once and make one key', async () => {
  const applied =
    await database.sql`select hash, count(*)::int as times from drizzle.__drizzle_migrations group by hash`
  const keys = await database.sql`select id from jwks`

  expect(applied.length).toBeGreaterThan(3)
  expect(applied.every(({ times }) => times === 1)).toBe(true)
  expect(keys).toHaveLength(1)
})

test('a session is one for all: made at one, used at another, ended at the third, over everywhere', async () => {
  const [first, second, third] = replicas.map(({ url }) => clientAt(url)) as [Client, Client, Client]
  const { data } = await first.register()
  for (const other of [second, third]) Object.assign(other.kept, first.kept)

  const seen = await second.me()
  await third.me()
  await third.logout()
  const endedAt = performance.now()
  await pause(FELT_MS)
  const after = await Promise.all([first, second, third].map((client) => client.me()))

  expect(seen.data?.id).toBe(data?.user.id)
  expect(performance.now() - endedAt).toBeGreaterThanOrEqual(FELT_MS)
  expect(after.map(({ code, reason }) => [code, reason])).toEqual(
    Array(3).fill(['UNAUTHENTICATED', 'REVOKED']),
  )
})

test('attempts are counted for all: the twenty-first login of an address is refused whichever replica it meets', async () => {
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

test('replicas that are killed and added under load cost nobody more than what they were answering', async () => {
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
  expect(failed.length).toBeLessThanOrEqual(PEOPLE * kills.length)
  expect(wrong).toEqual([])
}, 90_000)

test('a rolling restart under load is noticed by nobody', async () => {
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
  expect(exits).toEqual(Array(3).fill({ code: 0, signal: null }))
}, 90_000)
