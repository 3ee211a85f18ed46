import type { Report } from '../../observe/worker-totals.ts'
import {
  type AllReady,
  PULSE_MS,
  type Readiness,
  type ReportAnswer,
  type ReportRequest,
  type WorkerKind,
} from './worker-messages.ts'

export type SupervisorConnection = ReturnType<typeof connectSupervisor>

/**
 * The worker's side of the connection. A worker of the start is not ready before all workers have been ready once. After that,
 * each worker depends only on itself. Without a supervisor (`kind` undefined) the process runs alone.
 */
export function connectSupervisor(kind: string | undefined) {
  const isReplacement = kind === ('replacement' satisfies WorkerKind)
  let othersReady = kind === undefined || isReplacement
  let ready = false
  let createReport: () => Promise<Report> = async () => []
  const send = (message: Readiness | ReportAnswer) => process.connected && process.send?.(message)
  if (kind !== undefined) {
    process.on('message', (message: AllReady | ReportRequest) => {
      if ('allReady' in message) othersReady = true
      else void createReport().then((report) => send({ report }))
    })
    setInterval(() => send({ ready }), PULSE_MS)
  }
  return {
    /** Whether this process says what all workers of a start find out about the server. */
    isSpeaker: kind === undefined || kind === ('first' satisfies WorkerKind),
    /** Whether other workers already answer on the port. */
    isReplacement,
    areOthersReady: () => othersReady,
    /** Sets the function that creates the answer when the supervisor asks for the metrics. */
    answerReportsWith(create: typeof createReport) {
      createReport = create
    },
    announceReady() {
      ready = true
      send({ ready })
    },
    /** Resolves when the supervisor has ended. */
    lost: new Promise<void>((resolve) => {
      if (kind !== undefined) process.once('disconnect', resolve)
    }),
  }
}
