import { once } from 'node:events'
import { compose, type Settings } from '../compose.ts'
import type { Env } from '../env.ts'
import { createLog, type Logger } from '../observe/log.ts'
import { completeSettings } from './first-run.ts'
import { untilOrphaned } from './orphaned.ts'
import { welcome } from './welcome.ts'
import { connectSupervisor, startWorkers, WORKER_VARIABLE } from './workers.ts'

const IDLE_SECONDS = 30
const DRAIN_MS = 25_000
/** How long a worker that has finished may take to put its things away. */
const CLOSE_MS = 10_000
const SECOND_SIGNAL_MS = 1000
const RETRY_MS = 1000

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

/** Starts, serves until signalled, finishes what runs and stops. */
export async function serve(env: Env) {
  const log = await createLog(env)
  // A fault outside of every request, such as in a callback of a library, must not take the others down.
  for (const kind of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(kind, (err: unknown) => log.error({ err }, kind))
  }
  const { settings, dataFolder, stop } = await completeSettings(env)
  const worker = process.env[WORKER_VARIABLE]
  const onReady = () => {
    if (worker) return
    if (env.NODE_ENV === 'development') console.log(welcome(settings.PUBLIC_URL, dataFolder, env))
    else log.info({ port: settings.PORT, url: settings.PUBLIC_URL }, 'ready')
  }
  try {
    if (worker || settings.WORKERS === 1) await work(settings, log, worker, onReady)
    else await supervise(settings, log, onReady)
  } finally {
    await stop()
  }
}

/** Answers requests, alone or as one of several. */
async function work(settings: Settings, log: Logger, worker: string | undefined, onReady: () => void) {
  const supervisor = connectSupervisor(worker)
  const server = await compose(settings, log, supervisor.areOthersReady)
  if (server.metrics) supervisor.reportBy(server.metrics.report)
  try {
    using _metrics = await openMetrics(settings, log, worker ? undefined : server.metrics?.text)
    const begin = () => listen(settings.PORT, worker !== undefined, server.app.fetch)
    // The others answer until a replacement can.
    let listener = supervisor.isReplacement ? undefined : begin()
    const signalled = Promise.race([endSignalled(settings), supervisor.left])
    // Nobody is left to kill it, should it not end.
    void supervisor.left.then(() => setTimeout(() => process.exit(1), longestEndMs(settings)))
    const prepared = prepare(server.prepare, log).then(() => {
      listener ??= begin()
      supervisor.tellReady()
      onReady()
    })
    await Promise.race([signalled, prepared])
    await signalled

    log.info('stopping')
    forceOnSecondSignal(() => process.exit(1))
    server.drain()
    if (!listener) return
    leaveTaking(listener, server.app.fetch)
    await pause(settings.SHUTDOWN_DELAY_SECONDS * 1000)
    await finish(listener)
  } finally {
    await server.close()
  }
}

/** Has several processes answer on one port. They share nothing but the database, as replicas do. */
async function supervise(settings: Settings, log: Logger, onReady: () => void) {
  // Workers bind what others may bind too, so only this shows that a stranger has the port.
  await listen(settings.PORT, false, () => new Response(null, { status: 503 })).stop(true)
  const totals = settings.METRICS_PORT === undefined ? undefined : await createTotals()
  const workers = startWorkers(settings.WORKERS, environmentOf(settings), log, totals)
  const signalled = endSignalled(settings)
  try {
    using _metrics = await openMetrics(settings, log, totals && (() => workers.collect().then(totals.text)))
    await Promise.race([signalled, workers.ready.then(onReady)])
    await signalled
  } finally {
    forceOnSecondSignal(workers.kill)
    await workers.stop(longestEndMs(settings))
  }
}

const longestEndMs = ({ SHUTDOWN_DELAY_SECONDS }: Settings) =>
  SHUTDOWN_DELAY_SECONDS * 1000 + DRAIN_MS + CLOSE_MS

/** This environment, with what the start has added. A secret that is kept in a file stays out of it. */
function environmentOf({ DATABASE_URL, AUTH_SECRET }: Settings) {
  return { ...process.env, DATABASE_URL, ...(process.env.AUTH_SECRET_FILE ? {} : { AUTH_SECRET }) }
}

/** Loaded where it is asked for. */
async function openMetrics({ METRICS_PORT }: Settings, log: Logger, text?: () => Promise<string>) {
  if (METRICS_PORT === undefined || !text) return null
  const { serveMetrics } = await import('../observe/metrics-server.ts')
  return serveMetrics(METRICS_PORT, text, log)
}

async function createTotals() {
  const totals = await import('../observe/worker-totals.ts')
  return totals.createWorkerTotals()
}

async function endSignalled({ NODE_ENV }: Settings) {
  const signals = [once(process, 'SIGINT'), once(process, 'SIGTERM'), once(process, 'SIGHUP')]
  await Promise.race(NODE_ENV === 'development' ? [...signals, untilOrphaned()] : signals)
}

type Fetch = Awaited<ReturnType<typeof compose>>['app']['fetch']

function listen(port: number, isShared: boolean, fetch: Fetch) {
  try {
    return Bun.serve({
      port,
      reusePort: isShared,
      idleTimeout: IDLE_SECONDS,
      // The app refuses what is too large in its own words, before it reads.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      fetch: answering(fetch),
    })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    throw new Error(`Port ${port} is in use. Stop what uses it, or choose another: PORT=${port + 1}`, {
      cause,
    })
  }
}

const answering = (fetch: Fetch) => (request: Request, server: Bun.Server<undefined>) =>
  fetch(request, { address: () => server.requestIP(request)?.address ?? null })

/** Ends each connection with its next answer, so that whoever keeps one open makes the next elsewhere. */
function leaveTaking(listener: ReturnType<typeof listen>, fetch: Fetch) {
  const answer = answering(fetch)
  listener.reload({
    async fetch(request, server) {
      const response = await answer(request, server)
      response.headers.set('Connection', 'close')
      return response
    },
  })
}

/** A database that is down at the start is waited for: the process lives and is not ready. */
async function prepare(attempt: () => Promise<void>, log: Logger) {
  for (;;) {
    try {
      await attempt()
      return
    } catch (err) {
      log.error({ err }, 'not ready yet')
      await pause(RETRY_MS)
    }
  }
}

async function finish(listener: ReturnType<typeof listen>) {
  const deadline = Date.now() + DRAIN_MS
  void listener.stop()
  while (listener.pendingRequests > 0 && Date.now() < deadline) await pause(20)
  await listener.stop(true)
}

/** Under `bun run` one Ctrl-C arrives twice, so only a later signal means impatience. */
function forceOnSecondSignal(force: () => unknown) {
  const began = Date.now()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (Date.now() - began > SECOND_SIGNAL_MS) force()
    })
  }
}
