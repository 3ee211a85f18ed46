import type { Env } from '../env.ts'

/** How long a stop waits for the running requests. */
export const MAX_DRAIN_MS = 25_000
/** How long a worker may take to close after its last request. */
export const MAX_CLOSE_MS = 10_000

/** How long a worker may take from the signal to its end. */
export const getMaxStopMs = ({ SHUTDOWN_DELAY_SECONDS }: Pick<Env, 'SHUTDOWN_DELAY_SECONDS'>) =>
  SHUTDOWN_DELAY_SECONDS * 1000 + MAX_DRAIN_MS + MAX_CLOSE_MS
