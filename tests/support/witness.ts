import { Worker } from 'node:worker_threads'
import { expect } from 'vitest'
import { PROOF_MS } from '../../src/db/changes/changes.ts'
import { openForTest } from './resource.ts'
import type { WitnessData } from './witness-thread.ts'

/** Half of what a proof of the listening thread lives, so that a difference between two threads does not matter. */
const MAX_AGE_MS = PROOF_MS / 2

/**
 * A second thread that lives as the listening thread must, for one test. If other programs keep the processor or the
 * database from it, they may keep it from the listening thread as well.
 */
export const openWitness = (url: string) =>
  openForTest(async () => {
    const memory = new SharedArrayBuffer(8)
    const [oldestMs, beats] = [new Int32Array(memory, 0, 1), new Int32Array(memory, 4, 1)]
    const thread = new Worker(new URL('./witness-thread.ts', import.meta.url), {
      workerData: { url, memory } satisfies WitnessData,
    })

    async function awaitBeat() {
      const before = Atomics.load(beats, 0)
      await expect.poll(() => Atomics.load(beats, 0), { interval: 5 }).toBeGreaterThan(before + 1)
    }

    return {
      /** Repeats a round until one passes during which a thread could live. @returns what that round returned */
      async repeatUntilAlive<Result>(round: () => Promise<Result>) {
        for (;;) {
          await awaitBeat()
          Atomics.store(oldestMs, 0, 0)
          const result = await round()
          await awaitBeat()
          if (Atomics.load(oldestMs, 0) < MAX_AGE_MS) return result
        }
      },
      close: () => thread.terminate(),
    }
  })
