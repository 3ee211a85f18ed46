import { afterAll, expect, test } from 'vitest'
import { createDatabase } from './support/database.ts'
import { freePort } from './support/process.ts'
import { launchProgram, startProgram } from './support/program.ts'

const database = await createDatabase()
afterAll(() => database.drop())

const answers = (host: string, port: string, path: string) =>
  fetch(`http://${host}:${port}${path}`).then(
    ({ status }) => status,
    () => 'nothing listens',
  )

test('HOST is the only address on which the server listens', async () => {
  const server = await launchProgram({ DATABASE_URL: database.url, HOST: '127.0.0.2' })
  const { PORT } = server.env
  await expect.poll(() => answers('127.0.0.2', PORT, '/ready')).toBe(200)

  expect(await answers('127.0.0.1', PORT, '/ready')).toBe('nothing listens')
  expect(await answers('[::1]', PORT, '/ready')).toBe('nothing listens')
  await server.stop()
})

test('without HOST all addresses answer, and the metrics answer on loopback only', async () => {
  const METRICS_PORT = String(await freePort())
  const server = await startProgram({ DATABASE_URL: database.url, METRICS_PORT })
  const { PORT } = server.env

  expect(await Promise.all(['127.0.0.1', '127.0.0.2'].map((host) => answers(host, PORT, '/ready')))).toEqual([
    200, 200,
  ])
  expect(await answers('127.0.0.1', METRICS_PORT, '/metrics')).toBe(200)
  expect(await answers('127.0.0.2', METRICS_PORT, '/metrics')).toBe('nothing listens')
  await server.stop()
})

test.each(['HOST', 'METRICS_HOST'])('%s with an address of another machine is named', async (name) => {
  const METRICS_PORT = String(await freePort())
  const server = await launchProgram({ DATABASE_URL: database.url, METRICS_PORT, [name]: '203.0.113.9' })

  expect(await server.exited).toMatchObject({ code: 1 })
  expect(server.output()).toContain(`${name} is not an address of this machine. Choose one of its addresses`)
})
