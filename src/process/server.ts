import { compose, type Settings } from '../compose.ts'
import { DatabaseFault, explainFault } from '../db/database-fault.ts'
import type { Env } from '../env.ts'
import { createLog, type Logger } from '../observe/log.ts'
import { findMisspellings } from '../settings/misspellings.ts'
import { findWithoutEffect } from '../settings/without-effect.ts'
import { completeSettings } from './first-run.ts'
import { allowCompilation } from './jit-policy.ts'
import {
  closeConnectionsAfterResponse,
  createHandler,
  type Listener,
  listen,
  stopListening,
} from './listener.ts'
import { findLowFileLimit } from './open-files.ts'
import { waitUntilOrphaned } from './orphan-detection.ts'
import { createShortTurns } from './short-turns.ts'
import { watchStopSignals } from './stop-signals.ts'
import { formatWelcome } from './welcome-text.ts'
import { connectSupervisor, startWorkers, WORKER_VARIABLE } from './workers.ts'

export const MAX_DRAIN_MS = 25_000
/** How long a worker may take to close after its last request. */
export const MAX_CLOSE_MS = 10_000
const RETRY_MS = 1000

/** Starts the server, waits for a stop signal, finishes the running requests and stops. */
export async function serve(env: Env) {
  const log = await createLog(env)
  // An error outside of all requests, for example in a callback of a library, must not end the process.
  for (const kind of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(kind, (err: unknown) => log.error({ err }, kind))
  }
  const workerKind = process.env[WORKER_VARIABLE]
  // Workers would all repeat what is about the server as a whole.
  if (!workerKind) warnOfSettings(env, log)
  const { settings, dataFolder, stop } = await completeSettings(env)
  const onReady = () => {
    allowCompilation()
    if (workerKind) return
    if (env.NODE_ENV === 'development') console.log(formatWelcome(settings.PUBLIC_URL, dataFolder, env))
    else log.info({ port: settings.PORT, url: settings.PUBLIC_URL }, 'ready')
  }
  try {
    if (workerKind || settings.WORKERS === 1) await answerRequests(settings, log, workerKind, onReady)
    else await superviseWorkers(settings, log, onReady)
  } finally {
    await stop()
  }
}

function warnOfSettings({ NODE_ENV, SMTP_URL, THROTTLE }: Env, log: Logger) {
  if (!THROTTLE) log.warn('THROTTLE is off: passwords can be guessed without limit')
  if (NODE_ENV === 'production' && !SMTP_URL) {
    log.warn('SMTP_URL is not set: no mail is sent, and password resets and e-mail changes are refused')
  }
  const maxFiles = findLowFileLimit()
  if (NODE_ENV === 'production' && maxFiles !== undefined) {
    log.warn(
      `Only ${maxFiles} connections and files may be open: raise the hard limit (LimitNOFILE of systemd, ulimit -Hn of a shell)`,
    )
  }
  for (const { name, needs } of findWithoutEffect(process.env)) {
    log.warn(`${name} has no effect without ${needs}: set that too, or remove ${name}`)
  }
  for (const { name, meant } of findMisspellings(process.env)) {
    log.warn(`${name} is no setting, and has no effect: if you mean ${meant}, rename it`)
  }
}

/** Answers requests, as the only process or as one of several workers. */
async function answerRequests(
  settings: Settings,
  log: Logger,
  workerKind: string | undefined,
  onReady: () => void,
) {
  const supervisor = connectSupervisor(workerKind)
  const isFirst = workerKind === undefined || supervisor.isFirst
  // Before the heap grows, and before the core is used. Otherwise the engine does it later, when the heap is larger.
  Bun.gc(true)
  const server = await compose(settings, log, supervisor.areOthersReady)
  Bun.gc(true)
  if (server.metrics) supervisor.answerReportsWith(server.metrics.report)
  try {
    using _metrics = await openMetrics(settings, log, workerKind ? undefined : server.metrics?.text)
    const startListening = () => startListeners(settings, server, workerKind !== undefined)
    // A replacement listens only when it is ready. Until then the other workers answer.
    let listeners = supervisor.isReplacement ? undefined : startListening()
    // A supervisor kills its workers by itself.
    const force = workerKind ? () => {} : () => process.exit(1)
    const signal = workerKind ? watchStopSignals(force) : waitForStopSignal(settings, force)
    const stopSignal = Promise.race([signal, supervisor.lost])
    // Without a supervisor, no other process kills this one if it does not end.
    void supervisor.lost.then(() => setTimeout(() => process.exit(1), getMaxStopMs(settings)))
    const onWarning = (message: string) => isFirst && log.warn(message)
    const prepared = retryUntilPrepared(() => server.prepare({ onWarning }), log).then(() => {
      listeners ??= startListening()
      supervisor.announceReady()
      onReady()
    })
    await Promise.race([stopSignal, prepared])
    await stopSignal

    if (!workerKind) log.info('stopping')
    server.drain()
    if (!listeners) return
    for (const { listener, handle } of listeners) closeConnectionsAfterResponse(listener, handle)
    await Bun.sleep(settings.SHUTDOWN_DELAY_SECONDS * 1000)
    await Promise.all(listeners.map(({ listener }) => stopListening(listener, MAX_DRAIN_MS)))
  } finally {
    await server.close()
  }
}

type Composed = Awaited<ReturnType<typeof compose>>

/** Listens on the port, and on that of administration if it has one. */
function startListeners(settings: Settings, { app, adminApp }: Composed, isShared: boolean) {
  const listeners: { listener: Listener; handle: ReturnType<typeof createHandler> }[] = []
  const turns = createShortTurns(() =>
    listeners.reduce((sum, { listener }) => sum + listener.pendingRequests, 0),
  )
  function start({ fetch }: Composed['app'], PORT: number, setting: 'PORT' | 'ADMIN_PORT') {
    const handle = createHandler(fetch, turns)
    listeners.push({ listener: listen({ HOST: settings.HOST, PORT }, isShared, handle, setting), handle })
  }
  start(app, settings.PORT, 'PORT')
  if (adminApp && typeof settings.ADMIN_PORT === 'number') start(adminApp, settings.ADMIN_PORT, 'ADMIN_PORT')
  return listeners
}

/** Runs several workers on one port. Like replicas, they share only the database. */
async function superviseWorkers(settings: Settings, log: Logger, onReady: () => void) {
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

const getMaxStopMs = ({ SHUTDOWN_DELAY_SECONDS }: Settings) =>
  SHUTDOWN_DELAY_SECONDS * 1000 + MAX_DRAIN_MS + MAX_CLOSE_MS

/** This environment and the settings that the start has added, but no secret that is kept in a file. */
function createWorkerEnvironment({ DATABASE_URL, AUTH_SECRET }: Settings) {
  const { AUTH_SECRET_FILE, DATABASE_URL_FILE } = process.env
  return {
    ...process.env,
    ...(DATABASE_URL_FILE ? {} : { DATABASE_URL }),
    ...(AUTH_SECRET_FILE ? {} : { AUTH_SECRET }),
  }
}

// Both modules are imported only with a METRICS_PORT, to keep other servers small.
async function openMetrics(settings: Settings, log: Logger, text?: () => Promise<string>) {
  const { METRICS_HOST, METRICS_PORT } = settings
  if (METRICS_PORT === undefined || !text) return null
  const { serveMetrics } = await import('../observe/metrics-server.ts')
  return serveMetrics({ METRICS_HOST, METRICS_PORT }, text, log)
}

async function createTotals() {
  const { createWorkerTotals } = await import('../observe/worker-totals.ts')
  return createWorkerTotals()
}

async function waitForStopSignal({ NODE_ENV }: Settings, force: () => unknown) {
  const signal = watchStopSignals(force)
  await Promise.race([signal, waitUntilOrphaned(NODE_ENV === 'development')])
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
