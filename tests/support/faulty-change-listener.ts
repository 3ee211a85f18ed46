import { parentPort } from 'node:worker_threads'

export type Trouble = { busyUntil: Int32Array } | { dies: true }

/** The thread that listens for changes, with faults on demand: it can be kept busy until a number is not 0, and it can die. */
parentPort?.on('message', (order: { busyUntil?: Int32Array; dies?: true }) => {
  if (order.dies) throw new Error('The thread was told to die')
  while (order.busyUntil && Atomics.load(order.busyUntil, 0) === 0);
})

await import('../../src/db/changes/change-listener-thread.ts')
