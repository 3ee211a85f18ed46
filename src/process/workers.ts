import { type ChildProcess, spawn } from 'node:child_process'
import type { Logger } from '../observe/log.ts'
import type { Report, WorkerTotals } from '../observe/worker-totals.ts'
import { OWN_ARGUMENTS } from '../root.ts'

/** What a worker sends. `Readiness` is also its sign of life, every second. */
type Readiness = { ready: boolean }
type ReportAnswer = { report: Report }
/** What the supervisor sends. */
type AllReady = { allReady: true }
type ReportRequest = { askReport: true }

/** How long a scrape waits for the workers. Longer than the deadline of a call to the database. */
const MAX_REPORT_MS = 4000

/** The wait before a dead worker is replaced. It doubles while workers die within `MIN_STEADY_MS`. */
const MIN_REPLACE_MS = 250
export const MAX_REPLACE_MS = 10_000
const MIN_STEADY_MS = 10_000

/** How many signs of life in a row may be missing before a worker counts as hanging; more during its start. */
export const PULSE_MS = 1000
export const MAX_MISSED_PULSES = 10
const MAX_MISSED_START_PULSES = 60

/** Set in the environment of a worker, to its kind. It reads its settings from the environment like any process. */
export const WORKER_VARIABLE = 'SERVAUTH_WORKER'
type WorkerKind = 'first' | 'other' | 'replacement'

/**
 * Runs `count` processes of this program on one port and replaces those that die or hang. If one dies before all
 * were ready once, the start itself is broken: then `ready` rejects.
 */
export function startWorkers(
  count: number,
  environment: Record<string, string | undefined>,
  log: Logger,
  totals?: WorkerTotals,
) {
  const workers = new Map<ChildProcess, { ready: boolean; pulsesLeft: number }>()
  const state = { stopping: false, everReady: false }
  const ready = Promise.withResolvers<void>()
  let onReported = (_worker: ChildProcess) => {}

  /** @param waitedMs the wait before this start */
  function startWorker(waitedMs = 0) {
    const startedAt = performance.now()
    const onLost = (details: object) => {
      if (state.stopping) return
      log.error(details, 'a worker died')
      if (!state.everReady) return ready.reject(new Error('A worker could not start. See its output above.'))
      const isSteady = performance.now() - startedAt > MIN_STEADY_MS
      const waitMs = isSteady ? MIN_REPLACE_MS : clampReplaceMs(2 * waitedMs)
      setTimeout(() => state.stopping || startWorker(waitMs), waitMs)
    }
    // Depending on its cause, a failed start throws or arrives as an event.
    try {
      watchWorker(spawnWorker(), onLost)
    } catch (err) {
      onLost({ err })
    }
  }

  function spawnWorker() {
    const kind: WorkerKind = state.everReady ? 'replacement' : workers.size === 0 ? 'first' : 'other'
    return spawn(process.execPath, OWN_ARGUMENTS, {
      env: { ...environment, [WORKER_VARIABLE]: kind },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
  }

  function watchWorker(worker: ChildProcess, onLost: (details: object) => void) {
    const status = { ready: false, pulsesLeft: MAX_MISSED_START_PULSES }
    workers.set(worker, status)
    worker.on('message', (message: Readiness | ReportAnswer) => {
      if (!workers.has(worker)) return
      status.pulsesLeft = MAX_MISSED_PULSES
      if ('report' in message) {
        totals?.add(worker, message.report)
        onReported(worker)
        return
      }
      status.ready = message.ready
      if (!state.everReady) announceWhenAllReady()
    })
    const removeWorker = (details: object) => {
      if (!workers.delete(worker)) return
      totals?.retire(worker)
      onReported(worker)
      onLost(details)
    }
    worker.on('exit', (code, signal) => removeWorker({ pid: worker.pid, code, signal }))
    // With a pid, only a message failed. The process runs and its exit is watched.
    worker.on('error', (err) => {
      if (worker.pid === undefined) removeWorker({ err })
    })
  }

  function announceWhenAllReady() {
    if (workers.size < count || ![...workers.values()].every((status) => status.ready)) return
    state.everReady = true
    for (const worker of workers.keys())
      worker.connected && worker.send({ allReady: true } satisfies AllReady)
    ready.resolve()
  }

  // Counts pulses instead of time: a pause of the whole machine must not make the workers look silent.
  const pulse = setInterval(() => {
    for (const [worker, status] of workers) {
      if (status.pulsesLeft-- > 0) continue
      log.error({ pid: worker.pid }, 'a worker hangs')
      worker.kill('SIGKILL')
    }
  }, PULSE_MS)

  const signalAll = (signal: NodeJS.Signals) => {
    for (const worker of workers.keys()) worker.kill(signal)
  }

  /** Asks all workers for their metrics. When it resolves, `totals` has them. */
  async function collect() {
    const pending = new Set([...workers.keys()].filter((worker) => worker.connected))
    if (pending.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, MAX_REPORT_MS)
      onReported = (worker) => {
        pending.delete(worker)
        if (pending.size > 0) return
        clearTimeout(timer)
        resolve()
      }
      for (const worker of pending) worker.send({ askReport: true } satisfies ReportRequest)
    })
  }

  for (let index = 0; index < count; index++) startWorker()
  return {
    /** Resolves when all workers have been ready once. */
    ready: ready.promise,
    collect,
    kill: () => signalAll('SIGKILL'),
    /** Asks all workers to end, and kills those that have not ended in time. */
    async stop(maxMs: number) {
      state.stopping = true
      signalAll('SIGTERM')
      const timeout = setTimeout(() => {
        log.error({ pids: [...workers.keys()].map(({ pid }) => pid) }, 'workers did not end')
        signalAll('SIGKILL')
      }, maxMs)
      while (workers.size > 0) await Bun.sleep(20)
      clearTimeout(timeout)
      clearInterval(pulse)
    },
  }
}

const clampReplaceMs = (ms: number) => Math.min(Math.max(MIN_REPLACE_MS, ms), MAX_REPLACE_MS)

/**
 * The worker's side of the connection. A worker of the start is not ready before all workers have been ready once. After that,
 * each worker depends only on itself. Without a supervisor (`kind` undefined) the process runs alone.
 */
export function connectSupervisor(kind: string | undefined) {
  const isReplacement = kind === ('replacement' satisfies WorkerKind)
  let othersReady = kind === undefined || isReplacement
  let ready = false
  let createReport: () => Promise<Report> = async () => []
  const send = (message: Readiness | ReportAnswer) => process.connected && process.send?.(message)
  if (kind !== undefined) {
    process.on('message', (message: AllReady | ReportRequest) => {
      if ('allReady' in message) othersReady = true
      else void createReport().then((report) => send({ report }))
    })
    setInterval(() => send({ ready }), PULSE_MS)
  }
  return {
    /** Of the workers of a start, one says what all of them find out about the server. */
    isFirst: kind === ('first' satisfies WorkerKind),
    /** Whether other workers already answer on the port. */
    isReplacement,
    areOthersReady: () => othersReady,
    /** Sets the function that creates the answer when the supervisor asks for the metrics. */
    answerReportsWith(create: typeof createReport) {
      createReport = create
    },
    announceReady() {
      ready = true
      send({ ready })
    },
    /** Resolves when the supervisor has ended. */
    lost: new Promise<void>((resolve) => {
      if (kind !== undefined) process.once('disconnect', resolve)
    }),
  }
}
