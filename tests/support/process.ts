import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const ENTRY = fileURLToPath(new URL('../../src/index.ts', import.meta.url))
const running = new Set<ChildProcess>()

type Program = { cwd: string; env: Record<string, string>; args?: string[] }

/** Starts the real program, or another one of this repository, in the folder it is given and collects what it prints. */
export function startProcess({ cwd, env, args = [ENTRY] }: Program) {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  // `exit` may come before the last of its output has.
  const exited = once(child, 'close').then(([code, signal]) => {
    running.delete(child)
    return { code: code as number | null, signal: signal as string | null }
  })
  return {
    pid: child.pid,
    exited,
    output: () => output,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    async stop() {
      child.kill('SIGTERM')
      return exited
    },
  }
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
