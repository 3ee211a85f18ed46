import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { account, createClient } from './support/client.ts'
import { createDatabase } from './support/database.ts'
import { freePort, startProcess, untilReady } from './support/process.ts'
import { createProxy } from './support/proxy.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())

const secret = randomBytes(32).toString('base64')

async function start(DATABASE_URL = database.url, AUTH_SECRET = secret) {
  const PORT = String(await freePort())
  const url = `http://localhost:${PORT}`
  const process = startProcess({
    cwd: tmpdir(),
    env: { DATABASE_URL, PORT, AUTH_SECRET, PUBLIC_URL: url, THROTTLE: 'off' },
  })
  return {
    ...process,
    url,
    client: createClient((path, init) => fetch(`${url}${path}`, init), 'REST', 'TOKEN'),
  }
}

test.each(['SIGTERM', 'SIGINT'] as const)('%s finishes what runs and exits with 0', async (signal) => {
  const server = await start()
  await untilReady(server.url)
  const input = account()
  await server.client.register(input)

  const logins = Promise.all(Array.from({ length: 20 }, () => server.client.twin().login(input)))
  await new Promise((done) => setTimeout(done, 60))
  server.kill(signal)
  const answers = await logins
  const exit = await server.exited

  expect(answers.map(({ code, data }) => code ?? data?.user.email)).toEqual(Array(20).fill(input.email))
  expect(exit).toEqual({ code: 0, signal: null })
  await expect(fetch(`${server.url}/health`)).rejects.toThrow()
})

test('one Ctrl-C that arrives twice still finishes what runs', async () => {
  const server = await start()
  await untilReady(server.url)
  const registering = server.client.register()
  await new Promise((done) => setTimeout(done, 20))

  server.kill('SIGINT')
  server.kill('SIGINT')

  expect((await registering).data).not.toBeNull()
  expect((await server.exited).code).toBe(0)
})

test('a database that is down at the start is waited for', async () => {
  const proxy = await createProxy(database.url)
  proxy.cut()
  const server = await start(proxy.url)
  await expect
    .poll(
      () =>
        fetch(`${server.url}/health`).then(
          ({ status }) => status,
          () => 0,
        ),
      { timeout: 10_000 },
    )
    .toBe(200)
  const notReady = await fetch(`${server.url}/ready`)
  const refused = await server.client.register()

  proxy.restore()
  await untilReady(server.url)

  expect(notReady.status).toBe(503)
  expect(refused).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' })
  expect((await server.client.register()).data).not.toBeNull()
  expect((await server.stop()).code).toBe(0)
  await proxy.close()
})

test('its log is JSON, a line a request, and holds no secret', async () => {
  const server = await start()
  await untilReady(server.url)
  const input = { ...account(), password: 'canary password 4711' }
  await server.client.register(input)
  await server.client.refresh()
  await server.client.login({ ...input, password: 'canary wrong 4711' })
  await server.client.call('me', undefined, {
    bearer: 'canary-bearer-4711',
    cookie: 'servauth=canary-cookie-4711',
  })
  await server.client.call('login', { ...input, canary: 'canary-field-4711' })
  const { accessToken, refreshToken } = server.client.kept
  await server.client.call('revokeSession', { id: refreshToken })
  await fetch(`${server.url}/%1b]0;%0a%e2%82%ac/${accessToken}`)
  await server.stop()

  const lines = server
    .output()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const requests = lines.filter(({ msg }) => msg === 'request')
  expect(requests.map(({ path, code }) => [path, code])).toEqual(
    expect.arrayContaining([
      ['/auth/register', undefined],
      ['/auth/login', 'INVALID_CREDENTIALS'],
      ['/auth/me', 'UNAUTHENTICATED'],
      ['/auth/login', 'INVALID_INPUT'],
      ['/auth/sessions/***', 'NOT_FOUND'],
    ]),
  )
  expect(server.output()).toMatch(/^[\x20-\x7e\n]*$/)
  for (const request of requests)
    expect(request).toMatchObject({ requestId: expect.any(String), ms: expect.any(Number) })
  for (const secret of ['canary', input.email, accessToken, refreshToken])
    expect(server.output()).not.toContain(secret)
})

test('with another secret than the database was set up with it says so and is not ready', async () => {
  const first = await start()
  await untilReady(first.url)
  await first.stop()

  const second = await start(database.url, randomBytes(32).toString('base64'))
  await expect.poll(() => second.output(), { timeout: 10_000 }).toContain('AUTH_SECRET is not the one')

  expect((await fetch(`${second.url}/ready`)).status).toBe(503)
  await second.stop()
})

test('it ends also when nobody reads its log any more', async () => {
  const server = await start()
  await untilReady(server.url)
  server.stopReading()
  await fetch(`${server.url}/auth/me`)

  expect(await server.stop()).toEqual({ code: 0, signal: null })
}, 15_000)
