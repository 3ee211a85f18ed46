import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { account, createClient } from './support/client.ts'
import { freePort, startProcess, untilReady } from './support/process.ts'

let cwd: string
let port: number
beforeEach(async () => {
  cwd = join(tmpdir(), `servauth-first-run-${process.pid}-${Math.random().toString(36).slice(2)}`)
  await mkdir(cwd)
  port = await freePort()
})
afterEach(() => rm(cwd, { recursive: true, force: true }))

const start = (env: Record<string, string> = {}) =>
  startProcess({ cwd, env: { NODE_ENV: 'development', PORT: String(port), ...env } })
const dataFolder = ({ output }: ReturnType<typeof start>) => /Data +(\S+)/.exec(output())?.[1] ?? ''
const url = () => `http://localhost:${port}`
const client = () => createClient((path, init) => fetch(`${url()}${path}`, init), 'GraphQL', 'COOKIE')

test('the first start makes what it needs and says where things are; the second finds it again', async () => {
  const input = account()
  const first = start()
  await untilReady(url())
  const ada = client()
  await ada.register(input)
  const secretFile = join(dataFolder(first), 'auth-secret')
  const secret = await readFile(secretFile, 'utf8')
  const { mode } = await stat(secretFile)
  const firstExit = await first.stop()

  const second = start()
  await untilReady(url())
  const me = await ada.me()
  const secondExit = await second.stop()

  expect(first.output()).toContain(`Servauth is ready on ${url()}`)
  expect(first.output()).toContain(`${url()}/graphql`)
  expect(first.output()).not.toContain(secret)
  expect(mode & 0o777).toBe(0o600)
  expect(me.data?.email).toBe(input.email)
  expect([firstExit.code, secondExit.code]).toEqual([0, 0])
})

test('a server that was killed leaves nothing in the way of the next', async () => {
  const killed = start()
  await untilReady(url())
  const ada = client()
  const { data } = await ada.register()
  killed.kill('SIGKILL')
  await killed.exited

  const next = start()
  await untilReady(url())
  const me = await ada.me()
  const exit = await next.stop()

  expect(me.data?.id).toBe(data?.user.id)
  expect(exit.code).toBe(0)
})

test('a lock that a dead process left is no obstacle', async () => {
  const first = start()
  await untilReady(url())
  await first.stop()
  const folder = join(dataFolder(first), 'postgres')
  await writeFile(join(folder, 'postmaster.pid'), `999999\n${folder}\n0\n1\n\n127.0.0.1\n`)

  const second = start()
  await untilReady(url())

  expect((await second.stop()).code).toBe(0)
})

test('a second server on the same data says so, and the first goes on', async () => {
  const first = start()
  await untilReady(url())

  const second = start({ PORT: String(await freePort()) })
  const exit = await second.exited

  expect(exit.code).toBe(1)
  expect(second.output()).toMatch(/Another Servauth is running on the data in .*DATABASE_URL/)
  expect((await client().register()).data).not.toBeNull()
  await first.stop()
})

test('a busy port is named, with a way out, and the database is stopped again', async () => {
  const occupant = createServer().listen(port)

  const blocked = start()
  const exit = await blocked.exited
  occupant.close()

  expect(exit.code).toBe(1)
  expect(blocked.output()).toContain(`Port ${port} is in use`)
  expect(blocked.output()).toContain(`PORT=${port + 1}`)
  await expect(stat(join(cwd, '.servauth/postgres/postmaster.pid'))).rejects.toThrow()
})

test('a data folder that cannot be written is named, with a way out', async () => {
  await writeFile(join(cwd, '.servauth'), 'in the way')

  const blocked = start()
  const exit = await blocked.exited

  expect(exit.code).toBe(1)
  expect(blocked.output()).toMatch(/The data folder .*\.servauth cannot be written \(\w+\).*DATABASE_URL/)
})

test('production makes nothing up and names everything that is missing', async () => {
  const { exited, output } = start({ NODE_ENV: 'production', PUBLIC_URL: 'http://auth.example.com' })

  expect((await exited).code).toBe(1)
  for (const name of ['DATABASE_URL', 'AUTH_SECRET', 'PUBLIC_URL']) expect(output()).toContain(`${name}:`)
  expect(output()).not.toContain('auth.example.com')
  await expect(stat(join(cwd, '.servauth'))).rejects.toThrow()
})
