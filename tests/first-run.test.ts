import { chmod, cp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connect } from '../src/db/connection/connect.ts'
import { startEmbeddedPostgres } from '../src/db/embedded/embedded-postgres.ts'
import { createFolder } from './support/folder.ts'
import { freePort, PROGRAM, startProcess, untilReady } from './support/process.ts'
import { launchInFolder } from './support/program.ts'

/** An empty folder and a port, in which the program can be started several times. */
async function openHome() {
  const cwd = await createFolder()
  const PORT = String(await freePort())
  const launch = (settings: Record<string, string> = {}) => launchInFolder(cwd, { PORT, ...settings })
  const start = async () => {
    const server = launch()
    await server.untilReady()
    return server
  }
  return { cwd, port: Number(PORT), launch, start }
}

const dataFolder = ({ output }: { output(): string }) => /Data +(\S+)/.exec(output())?.[1] ?? ''

test('the first start makes what it needs and names the places; the second start finds them', async () => {
  const { start } = await openHome()
  const first = await start()
  const { client, email } = await first.registerUser('GraphQL', 'COOKIE')
  const secretFile = join(dataFolder(first), 'auth-secret')
  const secret = await readFile(secretFile, 'utf8')
  const { mode } = await stat(secretFile)
  const firstExit = await first.stop()

  const second = await start()
  const me = await client.me()
  const secondExit = await second.stop()

  expect(first.output()).toContain(`Servauth is ready on ${first.url}`)
  expect(first.output()).toContain(`${first.url}/graphql`)
  expect(first.output()).not.toContain(secret)
  expect(mode & 0o777).toBe(0o600)
  expect(me.data?.email).toBe(email)
  expect([firstExit.code, secondExit.code]).toEqual([0, 0])
})

test('a server starts again after it was killed', async () => {
  const { start } = await openHome()
  const killed = await start()
  const { client, user } = await killed.registerUser('GraphQL', 'COOKIE')
  killed.kill('SIGKILL')
  await killed.exited

  const next = await start()
  const me = await client.me()
  const exit = await next.stop()

  expect(me.data?.id).toBe(user.id)
  expect(exit.code).toBe(0)
})

test('a copy of the data folder has the accounts, whichever user has made it', async () => {
  const { start } = await openHome()
  const first = await start()
  const { email, password } = await first.registerUser()
  await first.stop()
  const folder = dataFolder(first)
  await cp(folder, `${folder}.copy`, { recursive: true })
  await rm(folder, { recursive: true })
  await rename(`${folder}.copy`, folder)

  const second = await start()
  const { code } = await second.client().call('login', { email, password })
  await second.stop()

  expect(code).toBeUndefined()
})

test('a server starts although a dead process left its lock', async () => {
  const { start } = await openHome()
  const first = await start()
  await first.stop()
  const folder = join(dataFolder(first), 'postgres')
  await writeFile(join(folder, 'postmaster.pid'), `999999\n${folder}\n0\n1\n\n127.0.0.1\n`)

  const second = await start()

  expect((await second.stop()).code).toBe(0)
})

test('a second server on the same data fails with a reason, and the first one continues', async () => {
  const { start, launch } = await openHome()
  const first = await start()

  const second = launch({ PORT: String(await freePort()) })
  const exit = await second.exited

  expect(exit.code).toBe(1)
  expect(second.output()).toMatch(/Another Servauth is running on the data in .*DATABASE_URL/)
  expect((await first.client('GraphQL', 'COOKIE').register()).data).not.toBeNull()
  await first.stop()
})

test('PostgreSQL starts on data whose former server ends while it is asked', async () => {
  const folder = await createFolder()
  await chmod(folder, 0o755)
  const first = await startEmbeddedPostgres(folder)
  const sql = connect(first.url)
  const waiting = () =>
    sql`select from pg_stat_activity where query like '%pg_try_advisory_lock%' and pid <> pg_backend_pid()`

  const second = startEmbeddedPostgres(folder)
  await expect.poll(waiting, { interval: 10 }).toHaveLength(2)
  await sql.end()
  const [next] = await Promise.all([second, first.stop()])

  await next.stop()
})

test('a server on a busy port fails, says what to do and stops its database', async () => {
  const { launch, cwd, port } = await openHome()
  const occupant = createServer().listen(port)

  const blocked = launch()
  const exit = await blocked.exited
  occupant.close()

  expect(exit.code).toBe(1)
  expect(blocked.output()).toContain(`PORT ${port} is in use`)
  expect(blocked.output()).toContain(`PORT=${port + 1}`)
  await expect(stat(join(cwd, '.servauth/postgres/postmaster.pid'))).rejects.toThrow()
})

test.each(['755', '700'])(
  'a server with a strict umask starts its first database in a folder with the mode %s',
  async (mode) => {
    const cwd = await createFolder()
    await chmod(cwd, Number.parseInt(mode, 8))
    const PORT = String(await freePort())
    const env = { NODE_ENV: 'development', PORT }

    const server = startProcess({
      cwd,
      env,
      bun: '/bin/sh',
      entry: '-c',
      args: ['umask 077; exec "$0"', PROGRAM],
    })
    const ready = untilReady(`http://localhost:${PORT}`).then(() => 'ready')
    const outcome = await Promise.race([ready, server.exited.then(server.output)])

    expect(outcome).toBe('ready')
    expect((await server.stop()).code).toBe(0)
  },
)

test('a server without access to its data folder fails and says what to do', async () => {
  const { launch, cwd } = await openHome()
  await writeFile(join(cwd, '.servauth'), 'in the way')

  const blocked = launch()
  const exit = await blocked.exited

  expect(exit.code).toBe(1)
  expect(blocked.output()).toMatch(/The data folder .*\.servauth cannot be written \(\w+\).*DATABASE_URL/)
})

test('production invents no setting and names every missing one', async () => {
  const { launch, cwd } = await openHome()

  const { exited, output } = launch({ NODE_ENV: 'production', PUBLIC_URL: 'http://auth.example.com' })

  expect((await exited).code).toBe(1)
  for (const name of ['DATABASE_URL', 'AUTH_SECRET', 'PUBLIC_URL']) expect(output()).toContain(`${name}:`)
  expect(output()).not.toContain('auth.example.com')
  await expect(stat(join(cwd, '.servauth'))).rejects.toThrow()
})
