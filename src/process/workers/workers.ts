import { type ChildProcess, spawn } from 'node:child_process'
import type { Logger } from '../../observe/log.ts'
import type { WorkerTotals } from '../../observe/worker-totals.ts'
import { OWN_ARGUMENTS } from '../../root.ts'
import {
  type AllReady,
  PULSE_MS,
  type Readiness,
  type ReportAnswer,
  type ReportRequest,
  WORKER_VARIABLE,
  type WorkerKind,
} from './worker-messages.ts'

/** How long a scrape waits for the workers. Longer than the deadline of a call to the database. */
const MAX_REPORT_MS = 4000

/** The wait before a dead worker is replaced. It doubles while workers die within `MIN_STEADY_MS`. */
const MIN_REPLACE_MS = 250
export const MAX_REPLACE_MS = 10_000
const MIN_STEADY_MS = 10_000

/** How many signs of life in a row may be missing before a worker counts as hanging; more during its start. */
export const MAX_MISSED_PULSES = 10
const MAX_MISSED_START_PULSES = 60

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
