import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from './bench.ts'

const FOLDER = dirname(dirname(fileURLToPath(import.meta.url)))
const MAX_START_MS = 60_000
const MAX_STOP_MS = 10_000
const running = new Set<ChildProcess>()

/** How a server is started, and the path that answers when it is ready. */
export type ServerCommand = { command: string[]; env: Record<string, string>; ready: string }
export type RunningServer = Awaited<ReturnType<typeof startServer>>

export const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

/** Starts a server on its core, with its log in /dev/null, and waits until it answers. */
export async function startServer({ pinning, scratch }: Bench, { command, env, ready }: ServerCommand) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const errorLog = join(scratch, `server-${port}.log`)
  const began = performance.now()
  const child = spawnProgram(
    [...pinning.server, ...command],
    { PORT: String(port), ...insertPort(env, port) },
    errorLog,
  )
  const exited = once(child, 'exit')
  while (!(await isAnswering(url + ready))) {
    if (child.exitCode !== null || performance.now() - began > MAX_START_MS) {
      child.kill('SIGKILL')
      throw new Error(`${command.join(' ')} did not start:\n${readFileSync(errorLog, 'utf8').slice(-2000)}`)
    }
    await pause(1)
  }
  return {
    url,
    port,
    /** From the start of the process to its first answer. */
    startMs: performance.now() - began,
    /** Resident memory in MiB. */
    memory: () => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)])) / 1024,
    cpuSeconds: createProcessorClock(child.pid),
    /** The same of the thread that answers requests. Hashes run on others. */
    mainThreadSeconds: () => readNanoseconds(child.pid, child.pid) / 1e9,
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async stop() {
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), MAX_STOP_MS)
      await exited
      clearTimeout(force)
    },
  }
}

/** Runs a program on the core of the servers until it ends. @returns the JSON that it prints */
export async function runJob<Result>(
  { pinning }: Bench,
  command: string[],
  env: Record<string, string> = {},
) {
  const child = spawnProgram([...pinning.server, ...command], env)
  let output = ''
  child.stdout?.on('data', (chunk) => (output += chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${command.join(' ')} failed (${code})`)
  return (output ? JSON.parse(output) : undefined) as Result
}

/** Kills all servers that still run, when the bench itself is stopped. */
export function killServers() {
  for (const child of running) child.kill('SIGKILL')
}

function spawnProgram(command: string[], env: Record<string, string>, errorLog?: string) {
  const { PATH = '', HOME = '' } = process.env
  const stderr = errorLog ? openSync(errorLog, 'w') : 'inherit'
  const [file = '', ...parameters] = command
  const child = spawn(file, parameters, {
    cwd: FOLDER,
    env: { PATH, HOME, NODE_ENV: 'production', ...env },
    stdio: ['ignore', errorLog ? 'ignore' : 'pipe', stderr],
  })
  if (typeof stderr === 'number') closeSync(stderr)
  running.add(child)
  child.on('exit', () => running.delete(child))
  return child
}

/** The port is chosen after the settings were written. */
function insertPort(env: Record<string, string>, port: number) {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, value.replace('{port}', `${port}`)]),
  )
}

async function isAnswering(url: string) {
  const response = await fetch(url).catch(() => null)
  await response?.arrayBuffer()
  return response?.ok ?? false
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const address = server.address()
  await new Promise((done) => server.close(done))
  return typeof address === 'object' && address ? address.port : 0
}

/**
 * How many seconds of processor time a process has taken, in nanoseconds' precision: Linux counts those of `stat` in
 * hundredths of a second, which are several percent of a login. Of a thread that ended, the latest reading counts.
 */
function createProcessorClock(pid: number | undefined) {
  const threads = new Map<string, number>()
  return () => {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      try {
        threads.set(thread, readNanoseconds(pid, thread))
      } catch {
        // The thread has ended meanwhile.
      }
    }
    return threads.values().reduce((sum, each) => sum + each, 0) / 1e9
  }
}

const readNanoseconds = (pid: number | undefined, thread: string | number | undefined) =>
  Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
