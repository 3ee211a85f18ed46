import type { Env } from '../env.ts'
import { waitUntilOrphaned } from './orphan-detection.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Under `bun run` one Ctrl-C arrives twice. A signal within this time after the first is taken for the same. */
export const MIN_SECOND_SIGNAL_MS = 300

/**
 * Resolves at the first signal to stop; a second one calls `force`. The handlers are never removed, because a signal
 * that has none ends the process at once.
 */
export function watchStopSignals(force: () => unknown): Promise<void> {
  const stopping = Promise.withResolvers<void>()
  let firstAt: number | undefined
  const onSignal = () => {
    firstAt ??= performance.now()
    if (performance.now() - firstAt > MIN_SECOND_SIGNAL_MS) force()
    stopping.resolve()
  }
  for (const signal of SIGNALS) process.on(signal, onSignal)
  return stopping.promise
}

/** The same for a process without a supervisor, which also stops when the package runner that started it has ended. */
export async function waitForStopSignal({ NODE_ENV }: Pick<Env, 'NODE_ENV'>, force: () => unknown) {
  const signal = watchStopSignals(force)
  await Promise.race([signal, waitUntilOrphaned(NODE_ENV === 'development')])
}
