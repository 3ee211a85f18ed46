import type { Settings } from '../../compose.ts'
import type { Logger } from '../../observe/log.ts'
import { listen } from '../listener.ts'
import { openMetrics } from '../metrics-port.ts'
import { waitForStopSignal } from '../stop-signals.ts'
import { getMaxStopMs } from '../stop-times.ts'
import { startWorkers } from './workers.ts'

/** Runs several workers on one port. Like replicas, they share only the database. */
export async function superviseWorkers(settings: Settings, log: Logger, onReady: () => void) {
  await refuseUsedPorts(settings)
  const totals = settings.METRICS_PORT === undefined ? undefined : await createTotals()
  const workers = startWorkers(settings.WORKERS, createWorkerEnvironment(settings), log, totals)
  const stopSignal = waitForStopSignal(settings, workers.kill)
  try {
    using _metrics = await openMetrics(settings, log, totals && (() => workers.collect().then(totals.text)))
    await Promise.race([stopSignal, workers.ready.then(onReady)])
    await stopSignal
    log.info('stopping')
  } finally {
    await workers.stop(getMaxStopMs(settings))
  }
}

/** Workers share their ports, so they would not notice that another program uses one. An exclusive listener does. */
async function refuseUsedPorts({ HOST, PORT, ADMIN_PORT }: Settings) {
  const refuse = () => new Response(null, { status: 503 })
  await listen({ HOST, PORT }, false, refuse).stop(true)
  if (typeof ADMIN_PORT === 'number') {
    await listen({ HOST, PORT: ADMIN_PORT }, false, refuse, 'ADMIN_PORT').stop(true)
  }
}

// Imported only with a METRICS_PORT, to keep other servers small.
async function createTotals() {
  const { createWorkerTotals } = await import('../../observe/worker-totals.ts')
  return createWorkerTotals()
}

/** This environment and the settings that the start has added, but no secret that is kept in a file. */
function createWorkerEnvironment({ DATABASE_URL, AUTH_SECRET }: Settings) {
  const { AUTH_SECRET_FILE, DATABASE_URL_FILE } = process.env
  return {
    ...process.env,
    ...(DATABASE_URL_FILE ? {} : { DATABASE_URL }),
    ...(AUTH_SECRET_FILE ? {} : { AUTH_SECRET }),
  }
}
