import { test as anywhere, expect, onTestFinished } from 'vitest'
import { account, createClients } from './support/client.ts'
import { createDevTerminal } from './support/dev-terminal.ts'
import { freePort, isGone, untilReady } from './support/process.ts'

/** Other systems have no /proc, and their `script` takes other options. */
const test = anywhere.skipIf(process.platform !== 'linux')

type Terminal = Awaited<ReturnType<typeof createDevTerminal>>
type Processes = Awaited<ReturnType<Terminal['processes']>>

const ENDS: Record<string, (terminal: Terminal, processes: Processes) => unknown> = {
  'Ctrl-C': (terminal) => terminal.type('\x03'),
  'a closed terminal': (terminal) => terminal.close(),
  'SIGTERM to the group': (_, { run }) => process.kill(-run, 'SIGTERM'),
  'SIGKILL to the group': (_, { run }) => process.kill(-run, 'SIGKILL'),
  'SIGKILL of `bun run`': (_, { run }) => process.kill(run, 'SIGKILL'),
  'SIGKILL of the shell': (_, { shell }) => process.kill(shell, 'SIGKILL'),
  'SIGKILL of the server': (_, { server }) => process.kill(server, 'SIGKILL'),
  'SIGKILL of the supervisor, then of the server': async (terminal, { server, supervisor }) => {
    process.kill(supervisor, 'SIGKILL')
    const another = expect.poll(async () => (await terminal.processes()).supervisor)
    await another.not.toSatisfy((pid: number) => pid === supervisor || pid === 0)
    process.kill(server, 'SIGKILL')
  },
}

test('whatever ends `run dev`, the embedded PostgreSQL ends with it and nothing is lost', async () => {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const terminal = await createDevTerminal(String(port))
  onTestFinished(() => terminal.kill())
  const client = createClients((path, init) => fetch(url + path, init)).client('REST', 'COOKIE')
  let username: string | null = null

  for (const [how, end] of [...Object.entries(ENDS), ['Ctrl-C', ENDS['Ctrl-C']] as const]) {
    terminal.open()
    await untilReady(url)
    if (!client.secret()) await client.register(account())
    expect((await client.me()).data, how).toMatchObject({ username })
    username = `Before ${how}`
    await client.updateMe({ username })
    const processes = await terminal.processes()
    const postgres = await terminal.postgres()

    await end?.(terminal, processes)

    await expect.poll(() => isGone(processes.server), { message: how }).toBe(true)
    await expect.poll(() => isGone(postgres), { message: how }).toBe(true)
  }
})
