import { randomBytes } from 'node:crypto'
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, test as anywhere, beforeAll, expect } from 'vitest'
import { account, createClient } from './support/client.ts'
import { createDatabase } from './support/database.ts'
import { freePort, startProcess, untilAnswer, untilReady } from './support/process.ts'

/** Elsewhere the kernel does not share a port out among processes. */
const test = anywhere.skipIf(process.platform !== 'linux')

let database: Awaited<ReturnType<typeof createDatabase>>
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

const secret = randomBytes(32).toString('base64url')

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'workers-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function startUnready(count: number, settings: Record<string, string> = {}, bun = process.execPath) {
  const url = `http://localhost:${await freePort()}`
  const server = startProcess({
    cwd: tmpdir(),
    bun,
    env: {
      PORT: new URL(url).port,
      WORKERS: String(count),
      DATABASE_URL: database.url,
      AUTH_SECRET: secret,
      PUBLIC_URL: url,
      THROTTLE: 'off',
      ...settings,
    },
  })
  return {
    ...server,
    url,
    client: () => createClient((path, init) => fetch(url + path, init), 'REST', 'TOKEN'),
  }
}

async function startWorkers(...given: Parameters<typeof startUnready>) {
  const server = await startUnready(...given)
  await untilReady(server.url)
  return server
}

/** What a worker says on a connection of its own; null where it was cut. */
const askReady = async (url: string) => {
  const response = await fetch(`${url}/ready`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(1000),
  }).catch(() => null)
  return response?.status ?? null
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

test('none is ready until all have been', async () => {
  const server = await startUnready(2)
  const workers = () => childrenOf(server.pid)
  await expect.poll(async () => (await workers()).length, { timeout: 10_000, interval: 5 }).toBe(2)
  const [frozen = 0] = await workers()
  process.kill(frozen, 'SIGSTOP')

  await untilAnswer(`${server.url}/ready`, () => true)
  await pause(1500)

  expect(await askReady(server.url)).toBe(503)
  process.kill(frozen, 'SIGCONT')
  await untilReady(server.url)
  await server.stop()
})

test('while one keeps dying the others stay ready, and it is replaced less and less often', async () => {
  const server = await startWorkers(2)
  const [, steady = 0] = await childrenOf(server.pid)
  const answers = new Set<number | null>()
  const pauses: number[] = []

  for (let death = 0; death < 3; death++) {
    const victim = (await childrenOf(server.pid)).find((pid) => pid !== steady) ?? 0
    process.kill(victim, 'SIGKILL')
    // Until its supervisor has taken note: before that it is still among its children.
    await expect.poll(() => childrenOf(server.pid), { interval: 5 }).not.toContain(victim)
    const since = Date.now()
    while (Date.now() < since + 5000 && (await childrenOf(server.pid)).length < 2) {
      answers.add(await askReady(server.url))
      await pause(10)
    }
    pauses.push(Date.now() - since)
  }

  expect([...answers].filter((status) => status !== null)).toEqual([200])
  expect(pauses.at(-1)).toBeGreaterThan(800)
  await server.stop()
})

test('a replacement takes no requests until it is ready', async () => {
  const server = await startWorkers(2)
  const [victim = 0] = await childrenOf(server.pid)
  const answers = new Set<number | null>()
  process.kill(victim, 'SIGKILL')

  const until = Date.now() + 3000
  while (Date.now() < until) answers.add(await askReady(server.url))

  expect([...answers].filter((status) => status !== null)).toEqual([200])
  expect(await childrenOf(server.pid)).toHaveLength(2)
  await server.stop()
})

test('a worker that hangs is replaced', async () => {
  const server = await startWorkers(2)
  const [hanging = 0] = await childrenOf(server.pid)

  process.kill(hanging, 'SIGSTOP')

  await expect.poll(() => isGone(hanging), { timeout: 15_000 }).toBe(true)
  await expect.poll(async () => (await childrenOf(server.pid)).length, { timeout: 5000 }).toBe(2)
  expect(await server.stop()).toEqual({ code: 0, signal: null })
})

test('a replacement that cannot be started is tried again, and does not keep the rest from stopping', async () => {
  const bun = join(folder, 'bun')
  await copyFile(process.execPath, bun)
  const server = await startWorkers(2, {}, bun)
  const [victim = 0] = await childrenOf(server.pid)

  await rename(bun, `${bun}.away`)
  process.kill(victim, 'SIGKILL')
  await expect.poll(() => server.output(), { timeout: 5000 }).toContain('ENOENT')
  expect(await askReady(server.url)).toBe(200)
  await rename(`${bun}.away`, bun)

  await expect.poll(async () => (await childrenOf(server.pid)).length, { timeout: 10_000 }).toBe(2)
  await rename(bun, `${bun}.away`)
  process.kill((await childrenOf(server.pid))[0] ?? 0, 'SIGKILL')
  await pause(500)
  expect(await server.stop()).toEqual({ code: 0, signal: null })
})

test('a worker that does not end is killed', async () => {
  const entry = fileURLToPath(new URL('support/stubborn-workers.ts', import.meta.url))
  const supervisor = startProcess({ entry, env: {} })
  await expect.poll(() => supervisor.output(), { timeout: 10_000 }).toContain('ready')
  const workers = await childrenOf(supervisor.pid)

  expect(await supervisor.stop()).toEqual({ code: 0, signal: null })
  expect(workers).toHaveLength(2)
  expect(await Promise.all(workers.map(isGone))).toEqual([true, true])
})

test('a port that others have workers on is in use', async () => {
  const first = await startWorkers(2)
  const { port } = new URL(first.url)

  const second = await startUnready(2, { PORT: port })

  expect(await second.exited).toEqual({ code: 1, signal: null })
  expect(second.output()).toContain(`Port ${port} is in use`)
  await first.stop()
})

test('a secret that is kept in a file is not in the environment of a worker', async () => {
  const AUTH_SECRET_FILE = join(folder, 'secret')
  await writeFile(AUTH_SECRET_FILE, secret)
  const server = await startWorkers(2, { AUTH_SECRET: '', AUTH_SECRET_FILE })

  const workers = await childrenOf(server.pid)
  const environments = await Promise.all(workers.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8')))

  for (const environment of environments) expect(environment).not.toContain(secret)
  expect(environments).toHaveLength(2)
  await server.stop()
})

test('a stop is graceful for all of them: who is being answered gets the answer', async () => {
  const server = await startWorkers(2)
  const input = account()
  await server.client().register(input)
  const logins = Array.from({ length: 6 }, () => server.client().login(input))
  const workers = await childrenOf(server.pid)
  await pause(20)

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
