import { type ChildProcess, spawn } from 'node:child_process'
import type { Logger } from '../log.ts'
import type { Report, Totals } from '../observe/totals.ts'

/** What a worker tells its supervisor, and what it is told or asked. */
type Ready = { ready: boolean }
type Reported = { report: Report }
type AllReady = { allReady: boolean }
type AskReport = { askReport: true }

/** How long a scrape waits for the report of each worker. Longer than a call to the database may last. */
const REPORT_MS = 4000

/** How long a worker that died waits for its successor, so that one that cannot live does not keep the machine busy. */
const REPLACE_MS = 250

/** Names a process as a worker to itself; its settings it has from its environment like any other. */
export const WORKER_VARIABLE = 'SERVAUTH_WORKER'

/**
 * Runs so many processes of this program on one port. One that dies is replaced, unless it dies before all
 * have been ready once: then something is wrong with the start, and everything ends.
 */
export function startWorkers(
  count: number,
  environment: Record<string, string | undefined>,
  log: Logger,
  totals?: Totals,
) {
  const readiness = new Map<ChildProcess, boolean>()
  const state = { stopping: false, everReady: false }
  let onReady = () => {}
  let onFailed = (_fault: Error) => {}
  let onReported = (_worker: ChildProcess) => {}

  function start() {
    const worker = spawn(process.execPath, process.argv.slice(1), {
      env: { ...environment, [WORKER_VARIABLE]: 'true' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    readiness.set(worker, false)
    worker.on('message', (message: Ready | Reported) => {
      if (!readiness.has(worker)) return
      if ('report' in message) {
        totals?.take(worker, message.report)
        onReported(worker)
        return
      }
      readiness.set(worker, message.ready)
      tellAll()
    })
    worker.on('exit', (code, signal) => {
      readiness.delete(worker)
      totals?.forget(worker)
      onReported(worker)
      if (state.stopping) return
      log.error({ pid: worker.pid, code, signal }, 'a worker died')
      tellAll()
      if (state.everReady) setTimeout(() => state.stopping || start(), REPLACE_MS)
      else onFailed(new Error('A worker could not start. What it said is above.'))
    })
  }

  function tellAll() {
    const allReady = readiness.size === count && [...readiness.values()].every(Boolean)
    for (const worker of readiness.keys()) worker.connected && worker.send({ allReady } satisfies AllReady)
    if (!allReady || state.everReady) return
    state.everReady = true
    onReady()
  }

  /** Asks all for their numbers; `totals` has them when this ends. */
  async function collect() {
    const asked = new Set([...readiness.keys()].filter((worker) => worker.connected))
    if (asked.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, REPORT_MS)
      onReported = (worker) => {
        asked.delete(worker)
        if (asked.size > 0) return
        clearTimeout(timer)
        resolve()
      }
      for (const worker of asked) worker.send({ askReport: true } satisfies AskReport)
    })
  }

  for (let index = 0; index < count; index++) start()
  return {
    /** Until all are ready for the first time. */
    ready: new Promise<void>((resolve, reject) => {
      onReady = resolve
      onFailed = reject
    }),
    collect,
    signal(signal: NodeJS.Signals) {
      state.stopping = true
      for (const worker of readiness.keys()) worker.kill(signal)
    },
    async ended() {
      const exits = [...readiness.keys()].map((worker) => new Promise((done) => worker.once('exit', done)))
      await Promise.all(exits)
    },
  }
}

/** A worker's end of the line. Without a supervisor, a process is alone and only its own readiness counts. */
export function connectSupervisor(isWorker: boolean) {
  let allReady = !isWorker
  let makeReport: () => Promise<Report> = async () => []
  if (isWorker) {
    process.on('message', (message: AllReady | AskReport) => {
      if ('allReady' in message) allReady = message.allReady
      else void makeReport().then((report) => process.send?.({ report } satisfies Reported))
    })
  }
  return {
    areOthersReady: () => allReady,
    /** What to answer with when the numbers of this process are asked for. */
    reportBy(given: typeof makeReport) {
      makeReport = given
    },
    tell: (ready: boolean) => process.send?.({ ready } satisfies Ready),
    /** Whoever supervised this process is gone. */
    left: new Promise<void>((resolve) => {
      if (isWorker) process.once('disconnect', resolve)
    }),
  }
}
