import { workerData } from 'node:worker_threads'
import { createFeedWriter } from '../../src/db/changes/change-feed.ts'

type Data = { memories: SharedArrayBuffer[]; rounds: number; turn: SharedArrayBuffer }

const { memories, rounds, turn } = workerData as Data
const turns = new Int32Array(turn)

/** Writes as fast as it can, while the reader of the same feed reads: a change, and the proof that vouches for it. */
for (const [index, memory] of memories.entries()) {
  while (Atomics.load(turns, 0) <= index);
  const writer = createFeedWriter(memory)
  for (let round = 1; round <= rounds; round++) {
    writer.change(`00000000-0000-4000-8000-${String(round).padStart(12, '0')}`)
    writer.prove(round)
  }
}
