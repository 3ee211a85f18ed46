import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { account, type Client, createClient } from './support/client.ts'
import { createDatabase } from './support/database.ts'
import { freePort, startProcess, untilReady } from './support/process.ts'
import { createProxy } from './support/proxy.ts'

let port: number
let url: string
let server: ReturnType<typeof startProcess>
let database: Awaited<ReturnType<typeof createDatabase>>
let proxy: Awaited<ReturnType<typeof createProxy>>
let people: Client[]
const input = account()

beforeAll(async () => {
  database = await createDatabase()
  proxy = await createProxy(database.url)
  port = await freePort()
  url = `http://localhost:${port}`
  const AUTH_SECRET = randomBytes(32).toString('base64')
  const settings = { PORT: String(port), PUBLIC_URL: url, THROTTLE: 'off', LOG_LEVEL: 'fatal' }
  server = startProcess({ cwd: tmpdir(), env: { DATABASE_URL: proxy.url, AUTH_SECRET, ...settings } })
  await untilReady(url)
  people = Array.from({ length: 10 }, () => createClient(request, 'REST', 'TOKEN'))
  await people[0]?.register(input)
  for (const person of people) await person.login(input)
})
afterAll(async () => {
  await server.stop()
  await proxy.close()
  await database.drop()
})

/** Without keeping the connection, so that what stays open is the server’s. */
const request = (path: string, init: RequestInit = {}) => {
  const headers = { ...(init.headers as Record<string, string>), connection: 'close' }
  return fetch(`${url}${path}`, { ...init, headers })
}

async function descriptors() {
  return (await readdir(`/proc/${server.pid}/fd`)).length
}

async function megabytes() {
  const status = await Bun.file(`/proc/${server.pid}/status`).text()
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}

/** Everybody at once, by what asks the database each time; as many connections as there may be are opened. */
async function load(rounds: number) {
  const answers = []
  for (let round = 0; round < rounds; round++) {
    answers.push(
      ...(await Promise.all(
        people.flatMap((person) => [person.sessions(), person.events(), person.refresh()]),
      )),
    )
  }
  return answers.map(({ status }) => status)
}

const BODY = JSON.stringify({ ...input, transport: 'TOKEN' })
const HEAD = 'POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'

/** The moments at which a client may leave: in a header, in a body, before the answer, in the answer. */
const LEAVING = [
  { first: HEAD.slice(0, 40) },
  { first: `${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY.slice(0, 20)}` },
  { first: `${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}` },
  { first: 'GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n', until: 'data' },
]

async function leave({ first, until }: (typeof LEAVING)[number]) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(first)
  if (until) await once(socket, until)
  socket.resetAndDestroy()
}

const FAULTS: Record<string, () => Promise<unknown>> = {
  async 'the database is cut'() {
    proxy.cut()
    return load(2)
  },
  async 'the database freezes'() {
    proxy.freeze()
    return load(1)
  },
  async 'the database is slower than the deadline'() {
    proxy.slow(2000)
    return load(1)
  },
  async 'backends are killed under load'() {
    const over = new AbortController()
    const kills = (async () => {
      while (!over.signal.aborted) {
        await database.sql`
          select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'servauth' and datname = current_database() order by random() limit 3`
        await new Promise((done) => setTimeout(done, 20))
      }
    })()
    const statuses = await load(30)
    over.abort()
    await kills
    // Never 401, which would sign somebody out, and never 500.
    expect([...new Set(statuses)].filter((status) => status !== 200 && status !== 503)).toEqual([])
  },
  async 'clients leave in the middle'() {
    for (let batch = 0; batch < 10; batch++) {
      await Promise.all(LEAVING.flatMap((how) => Array.from({ length: 10 }, () => leave(how))))
    }
  },
  async 'half-open requests pile up'() {
    const before = await descriptors()
    const sockets: Socket[] = []
    for (let index = 0; index < 500; index++) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'connect')
      socket.write(`${HEAD}Content-Length: 4000\r\n\r\n{"email":`)
      sockets.push(socket)
    }
    await expect.poll(async () => (await descriptors()) - before, { timeout: 5000 }).toBeGreaterThan(400)
    for (const socket of sockets) socket.destroy()
  },
}

test.skipIf(process.platform !== 'linux')(
  'after every fault the descriptors and the memory are what they were, and the next request is answered',
  async () => {
    await load(20)
    const before = { descriptors: await descriptors(), megabytes: await megabytes() }

    for (const [name, fault] of Object.entries(FAULTS)) {
      await fault()
      proxy.restore()
      await expect
        .poll(async () => (await load(1)).every((status) => status === 200), { timeout: 5000, message: name })
        .toBe(true)
      // A few for connections that are being replaced.
      await expect
        .poll(descriptors, { timeout: 15_000, message: name })
        .toBeLessThanOrEqual(before.descriptors + 5)
    }
    // Twice more of everything that costs the most adds nothing to speak of.
    const once = await megabytes()
    for (const name of ['backends are killed under load', 'clients leave in the middle'])
      await FAULTS[name]?.()
    await expect
      .poll(async () => (await load(1)).every((status) => status === 200), { timeout: 5000 })
      .toBe(true)

    expect(once - before.megabytes).toBeLessThan(150)
    expect((await megabytes()) - once).toBeLessThan(60)
    await expect.poll(descriptors, { timeout: 15_000 }).toBeLessThanOrEqual(before.descriptors + 5)
  },
  120_000,
)
