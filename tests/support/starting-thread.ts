import { parentPort } from 'node:worker_threads'
import { startProcess } from './process.ts'

// A thread that starts a program, as those do that run tests.
const { pid } = startProcess({ bun: 'sleep', entry: '600', env: {} })
parentPort?.postMessage(pid)
