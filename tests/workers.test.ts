import { copyFile, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test as anywhere, expect } from 'vitest'
import { ROOT } from '../src/root.ts'
import { openDatabase, useDatabase } from './support/database.ts'
import { createFile, createFolder } from './support/folder.ts'
import { holdRequest } from './support/held-request.ts'
import { childrenOf, isGone, startProcess, untilAnswer } from './support/process.ts'
import { AUTH_SECRET, launchProgram } from './support/program.ts'
import { pause } from './support/time.ts'

/** Other kernels do not share a port among processes. */
const test = anywhere.skipIf(process.platform !== 'linux')

const database = useDatabase()

const launchWorkers = (
  count: number,
  settings: Record<string, string> = {},
  how?: { bun: string; entry: string },
) => launchProgram({ WORKERS: String(count), DATABASE_URL: database.url, ...settings }, how)

async function startWorkers(...given: Parameters<typeof launchWorkers>) {
  const server = await launchWorkers(...given)
  await server.untilReady()
  return server
}

/** The status of `/ready` on a new connection; null if the connection was cut. */
const askReady = async (url: string) => {
  const response = await fetch(`${url}/ready`, { headers: { connection: 'close' } }).catch(() => null)
  return response?.status ?? null
}

test('several workers share a port, and one that dies is replaced', async () => {
  const server = await startWorkers(3)
  const [victim = 0, ...others] = await childrenOf(server.pid)
  const { client, user } = await server.registerUser()

  process.kill(victim, 'SIGKILL')

  const replaced = [...others, expect.not.toSatisfy((pid) => pid === victim)]
  await expect.poll(() => childrenOf(server.pid)).toEqual(replaced)
  await server.untilReady()
  expect((await client.me()).data?.id).toBe(user.id)
  expect(await server.stop()).toEqual({ code: 0, signal: null })
})

test('what is about the server as a whole is logged once and as a warning, whatever the number of workers', async () => {
  const { name, url, sql } = await openDatabase()
  await sql.unsafe(`alter database ${name} connection limit 60`)
  const server = await startWorkers(3, { DATABASE_URL: url })
  await server.stop()

  const lines = server
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
  const messages = lines.map((line) => JSON.parse(line)).map(({ level, msg }) => [level, msg.slice(0, 18)])
  // A worker writes its lines some time after they happen, so they can come after those of its supervisor.
  expect(messages.toSorted()).toEqual([
    [30, 'ready'],
    [30, 'stopping'],
    [40, 'SMTP_URL is not se'],
    [40, 'THROTTLE is off: p'],
    [40, 'The CONNECTION LIM'],
  ])
})

test('no worker is ready before all have started', async () => {
  const { name, url, sql } = await openDatabase()
  const folder = await createFolder()
  const start = join(folder, 'start')
  // The second worker waits until that file is there.
  const preload = await createFile(
    'wait.ts',
    `while (process.env.SERVAUTH_WORKER === 'other' && !(await Bun.file('${start}').exists())) await Bun.sleep(20)`,
  )
  const server = await launchWorkers(2, { DATABASE_URL: url, BUN_OPTIONS: `--preload ${preload}` })
  const listening = () => sql`
    select from pg_stat_activity where datname = ${name} and query like '%pg_listening_channels%'`

  await untilAnswer(`${server.url}/ready`, () => true)
  await expect.poll(listening).toHaveLength(1)
  await pause(1500)

  expect(await askReady(server.url)).toBe(503)
  await writeFile(start, '')
  await server.untilReady()
  await server.stop()
})

test('a worker that keeps dying is replaced more slowly, and the others stay ready', async () => {
  const server = await startWorkers(2)
  const [, steady = 0] = await childrenOf(server.pid)
  const answers = new Set<number | null>()
  const pauses: number[] = []

  for (let death = 0; death < 3; death++) {
    const victim = (await childrenOf(server.pid)).find((pid) => pid !== steady) ?? 0
    const killedAt = performance.now()
    process.kill(victim, 'SIGKILL')
    // Until the supervisor has noticed; before that the dead worker is still its child.
    await expect.poll(() => childrenOf(server.pid), { interval: 5 }).not.toContain(victim)
    while ((await childrenOf(server.pid)).length < 2) {
      answers.add(await askReady(server.url))
      await pause(10)
    }
    pauses.push(performance.now() - killedAt)
  }

  expect([...answers].filter((status) => status !== null)).toEqual([200])
  expect(pauses.at(-1)).toBeGreaterThan(800)
  await server.stop()
})

test('a replacement gets no requests before it is ready', async () => {
  const server = await startWorkers(2)
  const [victim = 0] = await childrenOf(server.pid)
  const answers = new Set<number | null>()
  process.kill(victim, 'SIGKILL')

  const until = Date.now() + 3000
  while (Date.now() < until) {
    answers.add(await askReady(server.url))
    await pause(5)
  }

  expect([...answers].filter((status) => status !== null)).toEqual([200])
  await expect.poll(() => childrenOf(server.pid)).toHaveLength(2)
  await server.stop()
})

test('a worker that hangs is replaced', async () => {
  const server = await startWorkers(2)
  const [hanging = 0] = await childrenOf(server.pid)

  process.kill(hanging, 'SIGSTOP')

  await expect.poll(() => isGone(hanging)).toBe(true)
  await expect.poll(async () => (await childrenOf(server.pid)).length).toBe(2)
  expect(await server.stop()).toEqual({ code: 0, signal: null })
})

test('a replacement that cannot start is tried again and does not prevent a stop', async () => {
  const bun = join(await createFolder(), 'bun')
  await copyFile(process.execPath, bun)
  const server = await startWorkers(2, {}, { bun, entry: join(ROOT, 'src/index.ts') })
  const [victim = 0] = await childrenOf(server.pid)

  await rename(bun, `${bun}.away`)
  process.kill(victim, 'SIGKILL')
  await expect.poll(() => server.output()).toContain('ENOENT')
  expect(await askReady(server.url)).toBe(200)
  await rename(`${bun}.away`, bun)

  await expect.poll(async () => (await childrenOf(server.pid)).length).toBe(2)
  await rename(bun, `${bun}.away`)
  process.kill((await childrenOf(server.pid))[0] ?? 0, 'SIGKILL')
  await pause(500)
  expect(await server.stop()).toEqual({ code: 0, signal: null })
})

test('a worker that does not end is killed', async () => {
  const entry = fileURLToPath(new URL('support/stubborn-workers.ts', import.meta.url))
  const supervisor = startProcess({ entry, env: {} })
  await expect.poll(() => supervisor.output()).toContain('ready')
  const workers = await childrenOf(supervisor.pid)

  expect(await supervisor.stop()).toEqual({ code: 0, signal: null })
  expect(workers).toHaveLength(2)
  expect(await Promise.all(workers.map(isGone))).toEqual([true, true])
})

test.each(['PORT', 'ADMIN_PORT'])('workers do not start on a %s that other workers use', async (setting) => {
  const first = await startWorkers(2)
  const { port } = new URL(first.url)

  const second = await launchWorkers(2, { [setting]: port })

  expect(await second.exited).toEqual({ code: 1, signal: null })
  expect(second.output()).toContain(`\n${setting} ${port} is in use`)
  await first.stop()
})

test('a secret from a file is not in the environment of a worker', async () => {
  const AUTH_SECRET_FILE = await createFile('secret', AUTH_SECRET)
  const DATABASE_URL_FILE = await createFile('database-url', database.url)
  const server = await startWorkers(2, {
    AUTH_SECRET: '',
    AUTH_SECRET_FILE,
    DATABASE_URL: '',
    DATABASE_URL_FILE,
  })

  const workers = await childrenOf(server.pid)
  const environments = await Promise.all(workers.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8')))

  for (const environment of environments) {
    expect(environment).not.toContain(AUTH_SECRET)
    expect(environment).not.toContain(database.url)
  }
  expect(environments).toHaveLength(2)
  await server.stop()
})

test('a stop lets all workers finish their requests', async () => {
  const server = await startWorkers(2)
  const { client } = await server.registerUser('REST', 'TOKEN')
  const workers = await childrenOf(server.pid)
  // They query the database, and need no hash, for which many would wait too long on a busy machine.
  const refresh = () => holdRequest(server.url, '/auth/refresh', { refreshToken: client.kept.refreshToken })
  const refreshes = await Promise.all(Array.from({ length: 20 }, refresh))

  const exit = server.stop()
  await expect.poll(() => askReady(server.url)).toBe(null)
  const answers = await Promise.all(refreshes.map(({ finish }) => finish()))

  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
  expect(await exit).toEqual({ code: 0, signal: null })
  expect(await Promise.all(workers.map(isGone))).toEqual([true, true])
})

test('workers end when their supervisor is killed', async () => {
  const server = await startWorkers(2)
  const workers = await childrenOf(server.pid)

  server.kill('SIGKILL')

  await expect.poll(() => Promise.all(workers.map(isGone))).toEqual(workers.map(() => true))
})
