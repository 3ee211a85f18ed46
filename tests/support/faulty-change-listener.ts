import { parentPort } from 'node:worker_threads'

export type Trouble = { busyMs: number } | { dies: true }

/** The thread that listens for changes, with faults on demand: it can be kept busy, for ever too, and it can die. */
parentPort?.on('message', (order: Partial<Record<'busyMs', number> & Record<'dies', true>>) => {
  if (order.dies) throw new Error('The thread was told to die')
  const end = performance.now() + (order.busyMs ?? 0)
  while (performance.now() < end);
})

await import('../../src/db/changes/change-listener-thread.ts')
