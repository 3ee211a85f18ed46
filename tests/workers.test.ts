import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { afterAll, test as anywhere, beforeAll, expect } from 'vitest'
import { account, createClient } from './support/client.ts'
import { createDatabase } from './support/database.ts'
import { freePort, startProcess, untilReady } from './support/process.ts'

/** Elsewhere the kernel does not share a port out among processes. */
const test = anywhere.skipIf(process.platform !== 'linux')

let database: Awaited<ReturnType<typeof createDatabase>>
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())

const secret = randomBytes(32).toString('base64url')

async function startWorkers(count: number) {
  const url = `http://localhost:${await freePort()}`
  const server = startProcess({
    cwd: tmpdir(),
    env: {
      PORT: new URL(url).port,
      WORKERS: String(count),
      DATABASE_URL: database.url,
      AUTH_SECRET: secret,
      PUBLIC_URL: url,
      THROTTLE: 'off',
    },
  })
  await untilReady(url)
  return {
    ...server,
    url,
    client: () => createClient((path, init) => fetch(url + path, init), 'REST', 'TOKEN'),
  }
}

/** The processes that a process has started, by the kernel's word. */
async function childrenOf(pid = 0) {
  const listed = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return listed.split(' ').filter(Boolean).map(Number)
}

const isGone = (pid: number) =>
  readFile(`/proc/${pid}/stat`, 'utf8').then(
    (stat) => stat.includes(') Z '),
    () => true,
  )

test('several processes share a port, and one that dies is replaced', async () => {
  const server = await startWorkers(3)
  const [victim = 0, ...others] = await childrenOf(server.pid)
  const client = server.client()
  const { data } = await client.register()

  process.kill(victim, 'SIGKILL')

  const replaced = [...others, expect.not.toSatisfy((pid) => pid === victim)]
  await expect.poll(() => childrenOf(server.pid), { timeout: 10_000 }).toEqual(replaced)
  await untilReady(server.url)
  expect((await client.me()).data?.id).toBe(data?.user.id)
  expect(await server.stop()).toEqual({ code: 0, signal: null })
})

test('ready means all are ready', async () => {
  const server = await startWorkers(2)
  const [frozen = 0] = await childrenOf(server.pid)
  process.kill(frozen, 'SIGKILL')

  // Whichever answers knows that one is missing.
  await expect.poll(async () => (await fetch(`${server.url}/ready`)).status, { interval: 5 }).toBe(503)
  await untilReady(server.url)
  await server.stop()
})

test('a stop is graceful for all of them: who is being answered gets the answer', async () => {
  const server = await startWorkers(2)
  const input = account()
  await server.client().register(input)
  const logins = Array.from({ length: 6 }, () => server.client().login(input))
  const workers = await childrenOf(server.pid)
  await new Promise((done) => setTimeout(done, 20))

  const exit = await server.stop()

  for (const { data } of await Promise.all(logins)) expect(data?.user.email).toBe(input.email)
  expect(exit).toEqual({ code: 0, signal: null })
  expect(await Promise.all(workers.map(isGone))).toEqual([true, true])
})

test('workers do not outlive a supervisor that is killed', async () => {
  const server = await startWorkers(2)
  const workers = await childrenOf(server.pid)

  server.kill('SIGKILL')

  await expect
    .poll(() => Promise.all(workers.map(isGone)), { timeout: 10_000 })
    .toEqual(workers.map(() => true))
})
