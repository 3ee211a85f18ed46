import { once } from 'node:events'
import pino from 'pino'
import { connectSupervisor } from '../../src/process/workers/supervisor-connection.ts'
import { WORKER_VARIABLE } from '../../src/process/workers/worker-messages.ts'
import { startWorkers } from '../../src/process/workers/workers.ts'

const kind = process.env[WORKER_VARIABLE]

if (kind) {
  // Ignores the signal and reports that it is alive, so only SIGKILL or the end of its supervisor ends it.
  process.on('SIGTERM', () => {})
  const supervisor = connectSupervisor(kind)
  void supervisor.lost.then(() => process.exit())
  supervisor.announceReady()
} else {
  const workers = startWorkers(2, process.env, pino({ level: 'silent' }))
  await workers.ready
  const stopped = once(process, 'SIGTERM')
  process.stdout.write('ready')
  await stopped
  await workers.stop(500)
  process.exit()
}
