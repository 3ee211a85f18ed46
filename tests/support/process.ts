import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const ENTRY = fileURLToPath(new URL('../../src/index.ts', import.meta.url))
const running = new Set<ChildProcess>()

type Start = { cwd?: string; env: Record<string, string>; entry?: string; args?: string[]; bun?: string }

/** Starts the real program, or another entry of this repository, in the folder it is given and collects what it prints. */
export function startProcess({
  cwd = tmpdir(),
  env,
  entry = ENTRY,
  args = [],
  bun = process.execPath,
}: Start) {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(bun, [entry, ...args], {
    cwd,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const exited = once(child, 'close').then(([code, signal]) => {
    running.delete(child)
    return { code: code as number | null, signal: signal as string | null }
  })
  return {
    pid: child.pid,
    exited,
    output: () => output,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Whoever reads its log goes away. */
    stopReading() {
      child.stdout.destroy()
      child.stderr.destroy()
    },
    async stop() {
      child.kill('SIGTERM')
      return exited
    },
  }
}

/** Runs a command of the program to its end; `words` are its arguments. */
export async function runCommand(words: string, start: Omit<Start, 'args'>) {
  const { exited, output } = startProcess({ ...start, args: words.split(' ').filter(Boolean) })
  const { code } = await exited
  return { code, output: output() }
}

afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
})

export async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const address = server.address()
  await new Promise((done) => server.close(done))
  return typeof address === 'object' && address ? address.port : 0
}

/** Waits until the server is ready, for 15 seconds at most. */
export const untilReady = (url: string) => untilAnswer(`${url}/ready`, ({ ok }) => ok)

/** Waits until something answers, or answers as is wanted, for 15 seconds at most. */
export async function untilAnswer(url: string, isWanted = (_response: Response) => true) {
  for (let attempt = 0; attempt < 150; attempt++) {
    const response = await fetch(url).catch(() => null)
    if (response && isWanted(response)) return
    await new Promise((done) => setTimeout(done, 100))
  }
  throw new Error(`${url} did not become ready`)
}
