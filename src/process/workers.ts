import { type ChildProcess, spawn } from 'node:child_process'
import type { Logger } from '../observe/log.ts'
import type { Report, WorkerTotals } from '../observe/worker-totals.ts'

/** What a worker says, the first each second as a sign of life, and what it is told or asked. */
type Ready = { ready: boolean }
type Reported = { report: Report }
type AllReady = { allReady: true }
type AskReport = { askReport: true }

/** How long a scrape waits for the report of each worker. Longer than a call to the database may last. */
const REPORT_MS = 4000

/** How long the place of a worker that died stays empty; twice as long each time that it lived for less than `STEADY_MS`. */
const REPLACE_MS = 250
const MOST_REPLACE_MS = 10_000
const STEADY_MS = 10_000

/** How many times in a row a worker may not be heard before it counts as hanging, and how many until its first word. */
const PULSE_MS = 1000
const SILENT_PULSES = 10
const STARTING_PULSES = 60

/** Names a process as a worker to itself, and says which; its settings it has from its environment like any other. */
export const WORKER_VARIABLE = 'SERVAUTH_WORKER'
type Kind = 'first' | 'replacement'

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

/**
 * Runs so many processes of this program on one port. One that dies or hangs is replaced, unless it dies
 * before all have been ready once: then something is wrong with the start, and everything ends.
 */
export function startWorkers(
  count: number,
  environment: Record<string, string | undefined>,
  log: Logger,
  totals?: WorkerTotals,
) {
  const workers = new Map<ChildProcess, { ready: boolean; patience: number }>()
  const state = { stopping: false, everReady: false }
  const ready = Promise.withResolvers<void>()
  let onReported = (_worker: ChildProcess) => {}

  /** @param waited how long the place was empty before */
  function start(waited = 0) {
    const since = performance.now()
    const onLost = (why: object) => {
      if (state.stopping) return
      log.error(why, 'a worker died')
      if (!state.everReady) return ready.reject(new Error('A worker could not start. What it said is above.'))
      const isSteady = performance.now() - since > STEADY_MS
      const wait = isSteady ? REPLACE_MS : Math.min(Math.max(REPLACE_MS, 2 * waited), MOST_REPLACE_MS)
      setTimeout(() => state.stopping || start(wait), wait)
    }
    // Whether a start that fails is thrown or told as an event depends on what it fails of.
    try {
      watch(launch(), onLost)
    } catch (err) {
      onLost({ err })
    }
  }

  function launch() {
    const kind: Kind = state.everReady ? 'replacement' : 'first'
    return spawn(process.execPath, process.argv.slice(1), {
      env: { ...environment, [WORKER_VARIABLE]: kind },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
  }

  function watch(worker: ChildProcess, onLost: (why: object) => void) {
    const vital = { ready: false, patience: STARTING_PULSES }
    workers.set(worker, vital)
    worker.on('message', (message: Ready | Reported) => {
      if (!workers.has(worker)) return
      vital.patience = SILENT_PULSES
      if ('report' in message) {
        totals?.add(worker, message.report)
        onReported(worker)
        return
      }
      vital.ready = message.ready
      if (!state.everReady) tellWhenAllReady()
    })
    const onGone = (why: object) => {
      if (!workers.delete(worker)) return
      totals?.retire(worker)
      onReported(worker)
      onLost(why)
    }
    worker.on('exit', (code, signal) => onGone({ pid: worker.pid, code, signal }))
    // With a process behind it, what failed is a message, and the process is watched anyway.
    worker.on('error', (err) => {
      if (worker.pid === undefined) onGone({ err })
    })
  }

  function tellWhenAllReady() {
    if (workers.size < count || ![...workers.values()].every((vital) => vital.ready)) return
    state.everReady = true
    for (const worker of workers.keys())
      worker.connected && worker.send({ allReady: true } satisfies AllReady)
    ready.resolve()
  }

  // Counted and not timed: after a pause of the whole machine nobody was silent.
  const pulse = setInterval(() => {
    for (const [worker, vital] of workers) {
      if (vital.patience-- > 0) continue
      log.error({ pid: worker.pid }, 'a worker hangs')
      worker.kill('SIGKILL')
    }
  }, PULSE_MS)

  const signalAll = (signal: NodeJS.Signals) => {
    for (const worker of workers.keys()) worker.kill(signal)
  }

  /** Asks all for their numbers; `totals` has them when this ends. */
  async function collect() {
    const asked = new Set([...workers.keys()].filter((worker) => worker.connected))
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
    ready: ready.promise,
    collect,
    kill: () => signalAll('SIGKILL'),
    /** Has all end, and kills those that have not within so long. */
    async stop(withinMs: number) {
      state.stopping = true
      signalAll('SIGTERM')
      const late = setTimeout(() => {
        log.error({ pids: [...workers.keys()].map(({ pid }) => pid) }, 'workers did not end')
        signalAll('SIGKILL')
      }, withinMs)
      while (workers.size > 0) await pause(20)
      clearTimeout(late)
      clearInterval(pulse)
    },
  }
}

/**
 * A worker's end of the line. Until all have been ready once none calls itself ready, and then each speaks for
 * itself. Without a supervisor, a process is alone and only its own readiness counts.
 */
export function connectSupervisor(kind: string | undefined) {
  const isReplacement = kind === ('replacement' satisfies Kind)
  let othersReady = kind === undefined || isReplacement
  let ready = false
  let makeReport: () => Promise<Report> = async () => []
  const say = (message: Ready | Reported) => process.connected && process.send?.(message)
  if (kind !== undefined) {
    process.on('message', (message: AllReady | AskReport) => {
      if ('allReady' in message) othersReady = true
      else void makeReport().then((report) => say({ report }))
    })
    setInterval(() => say({ ready }), PULSE_MS)
  }
  return {
    /** Whether others answer on the port already. */
    isReplacement,
    areOthersReady: () => othersReady,
    /** What to answer with when the numbers of this process are asked for. */
    reportBy(given: typeof makeReport) {
      makeReport = given
    },
    tellReady() {
      ready = true
      say({ ready })
    },
    /** Whoever supervised this process is gone. */
    left: new Promise<void>((resolve) => {
      if (kind !== undefined) process.once('disconnect', resolve)
    }),
  }
}
