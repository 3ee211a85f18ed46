import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { beforeAll, expect, test } from 'vitest'
import { account, type Client, createClient } from './support/client.ts'
import { useDatabase, useProxy } from './support/database.ts'
import { memoryOf } from './support/process.ts'
import { useProgram } from './support/program.ts'
import { pause } from './support/time.ts'

const database = useDatabase()
const proxy = useProxy(database)
const server = useProgram(() => ({ DATABASE_URL: proxy.url, LOG_LEVEL: 'fatal' }))
let clients: Client[]
const input = account()

beforeAll(async () => {
  clients = Array.from({ length: 10 }, () => createClient(request, 'REST', 'TOKEN'))
  await clients[0]?.register(input)
  for (const client of clients) await client.login(input)
})

/** Closes its connection after the answer, so that connections that stay open are the server’s own. */
const request = (path: string, init: RequestInit = {}) => {
  const headers = { ...(init.headers as Record<string, string>), connection: 'close' }
  return fetch(`${server.url}${path}`, { ...init, headers })
}

async function descriptors() {
  return (await readdir(`/proc/${server.pid}/fd`)).length
}

const memory = () => memoryOf(server.pid)

/** Operations of all clients at once that query the database each time, which fills the pool. */
async function load(rounds: number) {
  const answers = []
  for (let round = 0; round < rounds; round++) {
    answers.push(
      ...(await Promise.all(
        clients.flatMap((client) => [client.sessions(), client.events(), client.refresh()]),
      )),
    )
  }
  return answers.map(({ status }) => status)
}

const BODY = JSON.stringify({ ...input, transport: 'TOKEN' })
const HEAD = 'POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'

/** The moments at which a client can leave: in a header, in a body, before the answer, in the answer. */
const LEAVING = [
  { first: HEAD.slice(0, 40) },
  { first: `${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY.slice(0, 20)}` },
  { first: `${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}` },
  { first: 'GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n', until: 'data' },
]

async function leave({ first, until }: (typeof LEAVING)[number]) {
  const socket = connect(Number(server.env.PORT), '127.0.0.1')
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
        await pause(20)
      }
    })()
    const statuses = await load(15)
    over.abort()
    await kills
    // Never 401, which would sign a user out, and never 500.
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
      const socket = connect(Number(server.env.PORT), '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'connect')
      socket.write(`${HEAD}Content-Length: 4000\r\n\r\n{"email":`)
      sockets.push(socket)
    }
    await expect.poll(async () => (await descriptors()) - before).toBeGreaterThan(400)
    for (const socket of sockets) socket.destroy()
  },
}

test.skipIf(process.platform !== 'linux')(
  'after every fault the server has its former descriptors and memory and answers',
  async () => {
    await load(10)
    const before = { descriptors: await descriptors(), memory: await memory() }

    for (const [name, fault] of Object.entries(FAULTS)) {
      await fault()
      proxy.restore()
      await expect
        .poll(async () => (await load(1)).every((status) => status === 200), { message: name })
        .toBe(true)
      // Five more for connections that are being replaced.
      await expect.poll(descriptors, { message: name }).toBeLessThanOrEqual(before.descriptors + 5)
    }
    // The most expensive faults once more: memory must not grow with each.
    const once = await memory()
    for (const name of ['backends are killed under load', 'clients leave in the middle'])
      await FAULTS[name]?.()
    await expect.poll(async () => (await load(1)).every((status) => status === 200)).toBe(true)

    expect(once - before.memory).toBeLessThan(150)
    expect((await memory()) - once).toBeLessThan(60)
    await expect.poll(descriptors).toBeLessThanOrEqual(before.descriptors + 5)
  },
)
