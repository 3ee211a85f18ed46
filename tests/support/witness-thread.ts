import { workerData } from 'node:worker_threads'
import postgres from 'postgres'
import { HEARTBEAT_MS } from '../../src/db/changes/change-listener.ts'
import { pause } from './time.ts'

/** Queries the database as often as the listening thread does, and notes how old its latest answer became. */
export type WitnessData = { url: string; memory: SharedArrayBuffer }

const { url, memory } = workerData as WitnessData
const [oldestMs, beats] = [new Int32Array(memory, 0, 1), new Int32Array(memory, 4, 1)]
const sql = postgres(url, { max: 1, max_lifetime: null })

for (let lastAskedAt = Number.NaN; ; await pause(HEARTBEAT_MS)) {
  const askedAt = performance.now()
  await sql`select`
  const ageMs = Math.ceil(performance.now() - lastAskedAt)
  if (ageMs > Atomics.load(oldestMs, 0)) Atomics.store(oldestMs, 0, ageMs)
  lastAskedAt = askedAt
  Atomics.add(beats, 0, 1)
}
