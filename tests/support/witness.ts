import { readdirSync, readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { expect } from 'vitest'
import { LISTENER_THREAD, PROOF_MS } from '../../src/db/changes/changes.ts'
import { openForTest } from './resource.ts'
import type { WitnessData } from './witness-thread.ts'

/** Half of what a proof of the listening thread lives, so that a difference between two threads does not matter. */
const MAX_AGE_MS = PROOF_MS / 2

/** The listening threads of this process, by their ids in the kernel. Only Linux says which they are. */
export function findListeners(): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc/self/task').filter((id) => {
    const name = readTask(id, 'comm').trim()
    return name === LISTENER_THREAD
  })
}

/** Empty if the thread has ended. */
function readTask(id: string, file: string) {
  try {
    return readFileSync(`/proc/self/task/${id}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

/** How long these threads have waited for a processor since their start, in milliseconds. */
const sumWaits = (threads: string[]) =>
  threads.reduce((sum, id) => sum + Number(readTask(id, 'schedstat').split(' ')[1] ?? 0) / 1e6, 0)

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
      /**
       * Repeats a round until one passes during which a thread could live.
       * @param listeners threads that may not have waited for a processor during a short round. The scheduler may starve
       * only the listening thread, which then runs for a few milliseconds and waits for hundreds.
       * @returns what that round returned
       */
      async repeatUntilAlive<Result>(round: () => Promise<Result>, listeners: string[] = []) {
        for (;;) {
          await awaitBeat()
          Atomics.store(oldestMs, 0, 0)
          const waitedBefore = sumWaits(listeners)
          const result = await round()
          const waitedMs = sumWaits(listeners) - waitedBefore
          await awaitBeat()
          if (Math.max(Atomics.load(oldestMs, 0), waitedMs) < MAX_AGE_MS) return result
        }
      },
      close: () => thread.terminate(),
    }
  })
