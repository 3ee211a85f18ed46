import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../src/root.ts'
import { bound } from './bound.ts'
import { portOf } from './net.ts'
import { pause } from './time.ts'

/** The executable, as `bun run start` and the image run it. */
export const PROGRAM = join(ROOT, 'dist/servauth')
const running = new Set<ChildProcess>()

export type Start = {
  cwd?: string
  env: Record<string, string>
  entry?: string
  args?: string[]
  bun?: string
}

/** Starts the real program, or an entry of this repository with Bun, in the folder `cwd` and collects its output. */
export function startProcess({ cwd = tmpdir(), env, entry, args = [], bun = process.execPath }: Start) {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(...bound(entry ? bun : PROGRAM, entry ? [entry, ...args] : args), {
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
    /** Leaves its output in the pipe, as a log reader does that hangs. */
    pauseReading: () => child.stdout.pause(),
    resumeReading: () => child.stdout.resume(),
    /** Closes the pipes of its output, as a log reader does that ends. */
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

/** Ends what a failed test has left. */
export function killRunning() {
  for (const child of running) child.kill('SIGKILL')
}

/** A port that is free now; another process may still take it. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  const port = await portOf(server)
  await new Promise((done) => server.close(done))
  return port
}

/** The memory that a process occupies, in MiB. */
export async function memoryOf(pid = 0) {
  if (process.platform !== 'linux') {
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024
  }
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}

/** The processes that a process has started, as the Linux kernel lists them. */
export async function childrenOf(pid = 0) {
  const listed = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return listed.split(' ').filter(Boolean).map(Number)
}

/** Whether a process has ended, as the Linux kernel sees it. */
export const isGone = (pid: number) =>
  readFile(`/proc/${pid}/stat`, 'utf8').then(
    (stat) => stat.includes(') Z '),
    () => true,
  )

/** Waits until the server is ready, for a minute at most. */
export const untilReady = (url: string) => untilAnswer(`${url}/ready`, ({ ok }) => ok)

/** Waits until there is an answer, or a wanted answer, for a minute at most. */
export async function untilAnswer(url: string, isWanted = (_response: Response) => true) {
  for (let attempt = 0; attempt < 1200; attempt++) {
    const response = await fetch(url).catch(() => null)
    if (response && isWanted(response)) return
    await pause(50)
  }
  throw new Error(`${url} did not become ready`)
}
