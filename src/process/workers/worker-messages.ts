import type { Report } from '../../observe/worker-totals.ts'

/** What a worker and its supervisor tell each other. */

/** What a worker sends. `Readiness` is also its sign of life, every second. */
export type Readiness = { ready: boolean }
export type ReportAnswer = { report: Report }
/** What the supervisor sends. */
export type AllReady = { allReady: true }
export type ReportRequest = { askReport: true }

/** How often a worker shows that it is alive. */
export const PULSE_MS = 1000

/** Set in the environment of a worker, to its kind. It reads its settings from the environment like any process. */
export const WORKER_VARIABLE = 'SERVAUTH_WORKER'
export type WorkerKind = 'first' | 'other' | 'replacement'
