import type { Env } from '../env.ts'
import { createLog } from '../observe/log.ts'
import { answerRequests } from './answer-requests.ts'
import { completeSettings } from './first-run.ts'
import { allowCompilation } from './jit-policy.ts'
import { warnOfSettings } from './warnings.ts'
import { formatWelcome } from './welcome-text.ts'
import { superviseWorkers } from './workers/supervise-workers.ts'
import { WORKER_VARIABLE } from './workers/worker-messages.ts'

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
