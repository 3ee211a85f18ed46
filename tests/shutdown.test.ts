import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { account } from './support/client.ts'
import { useDatabase } from './support/database.ts'
import { holdRequest } from './support/held-request.ts'
import { freePort, untilReady } from './support/process.ts'
import { AUTH_SECRET, launchProgram, startProgram } from './support/program.ts'
import { createProxy } from './support/proxy.ts'
import { createScriptFolder } from './support/script-folder.ts'
import { pause } from './support/time.ts'

const database = useDatabase()
const start = () => startProgram({ DATABASE_URL: database.url })

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  'after %s the server finishes its requests and exits with 0, also if the signal arrives twice',
  async (signal) => {
    for (const times of [1, 2]) {
      const server = await start()
      const { input } = await server.registerUser()
      const login = await holdRequest(server.url, '/auth/login', { ...input, transport: 'TOKEN' })

      for (let time = 0; time < times; time++) server.kill(signal)
      await expect.poll(() => server.output()).toContain('stopping')
      const answer = await login.finish()

      expect(answer).toEqual({ status: 200, body: expect.stringContaining(input.email) })
      expect(await server.exited).toEqual({ code: 0, signal: null })
      await expect(fetch(`${server.url}/health`)).rejects.toThrow()
    }
  },
)

test.each([
  ['SIGTERM', '1'],
  ['SIGINT', '1'],
  ['SIGHUP', '1'],
  ['SIGTERM', '2'],
] as const)('a second %s ends a server with WORKERS=%s at once', async (signal, WORKERS) => {
  const settings = { DATABASE_URL: database.url, WORKERS, SHUTDOWN_DELAY_SECONDS: '300' }
  const server = await startProgram(settings)

  server.kill(signal)
  await expect.poll(() => server.output()).toContain('stopping')
  await pause(500)
  server.kill(signal)

  await server.exited
  await expect(fetch(`${server.url}/health`)).rejects.toThrow()
})

test('the server waits for a database that is down at the start', async () => {
  const proxy = await createProxy(database.url)
  proxy.cut()
  const server = await launchProgram({ DATABASE_URL: proxy.url })
  await expect
    .poll(() =>
      fetch(`${server.url}/health`).then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(200)
  const notReady = await fetch(`${server.url}/ready`)
  const refused = await server.client().register()

  proxy.restore()
  await server.untilReady()

  expect(notReady.status).toBe(503)
  expect(refused).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' })
  expect((await server.client().register()).data).not.toBeNull()
  expect((await server.stop()).code).toBe(0)
  await proxy.close()
})

test('the log has one JSON line for each request and no secret', async () => {
  const server = await start()
  const client = server.client()
  const input = { ...account(), password: 'canary password 4711' }
  await client.register(input)
  await client.refresh()
  await client.login({ ...input, password: 'canary wrong 4711' })
  await client.call('me', undefined, {
    bearer: 'canary-bearer-4711',
    cookie: 'servauth=canary-cookie-4711',
  })
  await client.call('login', { ...input, canary: 'canary-field-4711' })
  const { accessToken, refreshToken } = client.kept
  await client.call('revokeSession', { id: refreshToken })
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

test('a server with another AUTH_SECRET than the database reports it, is not ready, and refuses sign-ins with 503', async () => {
  const first = await start()
  const { input } = await first.registerUser()
  await first.stop()

  const AUTH_SECRET = randomBytes(32).toString('base64')
  const second = await launchProgram({ DATABASE_URL: database.url, AUTH_SECRET })
  await expect.poll(second.output).toContain('"not ready yet: AUTH_SECRET is not the one')

  const login = await second.client().login(input)
  const ready = await fetch(`${second.url}/ready`)
  await second.stop()

  expect([login.code, ready.status]).toEqual(['SERVICE_UNAVAILABLE', 503])
})

test('a server whose log is not read any more can be stopped', async () => {
  const server = await start()
  server.stopReading()
  await fetch(`${server.url}/auth/me`)

  expect(await server.stop()).toEqual({ code: 0, signal: null })
})

test.skipIf(process.platform !== 'linux')('SIGTERM to `npx` ends the server that it started', async () => {
  const { cwd, PATH } = await createScriptFolder('start')
  const PORT = String(await freePort())
  const url = `http://localhost:${PORT}`
  const env = { PATH, PORT, HOME: cwd, DATABASE_URL: database.url, AUTH_SECRET, PUBLIC_URL: url }
  const npx = spawn('npx', ['bun', 'run', 'start'], { cwd, env })
  const output = text(npx.stdout)
  await untilReady(url)

  npx.kill('SIGTERM')

  // The server has the other end of this pipe.
  expect(await output).toContain('"stopping"')
  await expect(fetch(`${url}/health`)).rejects.toThrow()
})
