import { once } from 'node:events'
import pino from 'pino'
import { connectSupervisor, startWorkers, WORKER_VARIABLE } from '../../src/process/workers.ts'

const kind = process.env[WORKER_VARIABLE]

if (kind) {
  // Alive and never done: neither the signal nor the silence ends it, and only a test that failed leaves it behind.
  process.on('SIGTERM', () => {})
  const supervisor = connectSupervisor(kind)
  void supervisor.lost.then(() => process.exit())
  supervisor.announceReady()
} else {
  const workers = startWorkers(2, process.env, pino({ level: 'silent' }))
  await workers.ready
  process.stdout.write('ready')
  await once(process, 'SIGTERM')
  await workers.stop(500)
  process.exit()
}
