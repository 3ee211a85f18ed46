import { compose, type Settings } from '../compose.ts'
import { DatabaseFault, explainFault } from '../db/database-fault.ts'
import type { Logger } from '../observe/log.ts'
import { startListeners } from './listeners.ts'
import { openMetrics } from './metrics-port.ts'
import { watchMigration } from './migration-progress.ts'
import { waitForStopSignal, watchStopSignals } from './stop-signals.ts'
import { getMaxStopMs, MAX_DRAIN_MS } from './stop-times.ts'
import { connectSupervisor, type SupervisorConnection } from './workers/supervisor-connection.ts'

const RETRY_MS = 1000

/** Answers requests until it is told to stop, as the only process or as one of several workers. */
export async function answerRequests(
  settings: Settings,
  log: Logger,
  workerKind: string | undefined,
  onReady: () => void,
) {
  const isWorker = workerKind !== undefined
  const supervisor = connectSupervisor(workerKind)
  // Before the heap grows, and before the core is used. Otherwise the engine does it later, when the heap is larger.
  Bun.gc(true)
  const server = await compose(settings, log, supervisor.areOthersReady)
  Bun.gc(true)
  if (server.metrics) supervisor.answerReportsWith(server.metrics.report)
  try {
    using _metrics = await openMetrics(settings, log, isWorker ? undefined : server.metrics?.text)
    const startListening = () => startListeners(settings, server, isWorker)
    // A replacement listens only when it is ready. Until then the other workers answer.
    let listeners = supervisor.isReplacement ? undefined : startListening()
    const stopSignal = isWorker
      ? waitForSupervisor(settings, supervisor)
      : waitForStopSignal(settings, () => process.exit(1))
    const prepare = async () => {
      using watcher = supervisor.isSpeaker ? watchMigration(log) : undefined
      await server.prepare(watcher)
    }
    const prepared = retryUntilPrepared(prepare, log).then(() => {
      listeners ??= startListening()
      supervisor.announceReady()
      onReady()
    })
    await Promise.race([stopSignal, prepared])
    await stopSignal

    if (!isWorker) log.info('stopping')
    server.drain()
    if (!listeners) return
    listeners.closeConnectionsAfterResponse()
    await Bun.sleep(settings.SHUTDOWN_DELAY_SECONDS * 1000)
    await listeners.stop(MAX_DRAIN_MS)
  } finally {
    await server.close()
  }
}

/** Resolves when the supervisor tells its worker to stop, or has ended. A supervisor kills its workers by itself. */
function waitForSupervisor(settings: Settings, { lost }: SupervisorConnection) {
  // Without a supervisor, no other process kills this one if it does not end.
  void lost.then(() => setTimeout(() => process.exit(1), getMaxStopMs(settings)))
  return Promise.race([watchStopSignals(() => {}), lost])
}

/**
 * A database that cannot be used at the start does not end the process. The process runs, but it is not ready. It logs
 * the reason once, and again when the reason changes.
 */
async function retryUntilPrepared(prepare: () => Promise<void>, log: Logger) {
  let logged: string | undefined
  for (;;) {
    try {
      await prepare()
      return
    } catch (err) {
      const reason = explainFault(err)?.message
      const details = err instanceof DatabaseFault ? {} : { err }
      if (String(err) !== logged) log.error(details, reason ? `not ready yet: ${reason}` : 'not ready yet')
      logged = String(err)
      await Bun.sleep(RETRY_MS)
    }
  }
}
