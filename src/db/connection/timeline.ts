const SYSTEM = 0
const NEWEST = 1

/** Shared by the threads of a process: the identifier of the database system, and the newest timeline seen of it. */
let memory = new BigInt64Array(new SharedArrayBuffer(16))

export const getTimelineMemory = () => memory.buffer as SharedArrayBuffer

/** Makes this thread share what another thread knows. */
export function shareTimelineMemory(buffer: SharedArrayBuffer) {
  memory = new BigInt64Array(buffer)
}

/**
 * Records the timeline of a server, which grows by one with each promotion. @returns false for a former primary that
 * came back after a failover: it may accept writes, but does not have the changes since then
 */
export function isNewestTimeline(system: bigint, timeline: bigint): boolean {
  if (Atomics.load(memory, SYSTEM) !== system) {
    Atomics.store(memory, SYSTEM, system)
    Atomics.store(memory, NEWEST, timeline)
  }
  const newest = Atomics.load(memory, NEWEST)
  if (timeline > newest) Atomics.store(memory, NEWEST, timeline)
  return timeline >= newest
}

export const getNewestTimeline = () => Atomics.load(memory, NEWEST)
