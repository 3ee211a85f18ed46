/**
 * Shared memory in which the listening thread reports to the main thread. Neither waits for the other. The writer puts
 * every change into the queue before it writes a later proof. The reader takes the proof first, and then the queue. So a
 * proof never counts without the changes before it.
 */

/** How many changes may wait for the reader. If the queue is full, a change becomes a gap. A power of two. */
const MAX_PENDING = 4096
/** A UUID as text. */
const ID_BYTES = 36

/** The indexes of the numbers. The reader writes TAKEN, the listening thread all others. */
const REVISION = 0
const WRITTEN = 1
const TAKEN = 2
const GAPS = 3
const PULSE = 4
const NUMBERS = 6

/** In microseconds of the main thread's clock. */
const PROVEN_AT = 0
const NEVER = -1n

export type FeedWriter = ReturnType<typeof createFeedWriter>
export type FeedReader = ReturnType<typeof createFeedReader>

export function allocateFeed() {
  const memory = new SharedArrayBuffer(NUMBERS * 4 + 8 + MAX_PENDING * ID_BYTES)
  viewsOf(memory).times[PROVEN_AT] = NEVER
  return memory
}

function viewsOf(memory: SharedArrayBuffer) {
  return {
    numbers: new Int32Array(memory, 0, NUMBERS),
    times: new BigInt64Array(memory, NUMBERS * 4, 1),
    ids: Buffer.from(memory, NUMBERS * 4 + 8),
  }
}

const placeOf = (index: number) => (index & (MAX_PENDING - 1)) * ID_BYTES

/** The end of the listening thread. */
export function createFeedWriter(memory: SharedArrayBuffer) {
  const { numbers, times, ids } = viewsOf(memory)
  let written = 0

  /** The reader compares this number first, so it is increased last. */
  const publish = () => Atomics.add(numbers, REVISION, 1)

  function gap() {
    Atomics.add(numbers, GAPS, 1)
    publish()
  }

  function publishProof(microseconds: bigint) {
    Atomics.store(times, PROVEN_AT, microseconds)
    publish()
  }

  return {
    /** Changes may have been missed. */
    gap,
    /** The row with this id has changed. A payload that is not an id may mean any row. */
    change(id: string) {
      const pending = (written - Atomics.load(numbers, TAKEN)) | 0
      if (id.length !== ID_BYTES || pending >= MAX_PENDING) return gap()
      ids.write(id, placeOf(written), 'latin1')
      written = (written + 1) | 0
      Atomics.store(numbers, WRITTEN, written)
      publish()
    },
    /** All changes that were committed before this time of the main thread's clock have been written. */
    prove: (moment: number) => publishProof(BigInt(Math.floor(moment * 1000))),
    /** Withdraws the last proof. */
    distrust: () => publishProof(NEVER),
    /** A sign of life of the thread. It says nothing about the connection. */
    pulse: () => Atomics.add(numbers, PULSE, 1),
  }
}

type Consumer = { onChange: (id: string) => void; onGap: () => void }

/** The end of the main thread. */
export function createFeedReader(memory: SharedArrayBuffer, { onChange, onGap }: Consumer) {
  const { numbers, times, ids } = viewsOf(memory)
  let revision = 0
  let taken = 0
  let gaps = 0
  let provenAt = Number.NEGATIVE_INFINITY

  function take() {
    revision = Atomics.load(numbers, REVISION)
    // Before the queue: all changes that it covers are in the queue by then.
    const proof = Atomics.load(times, PROVEN_AT)
    const gapsNow = Atomics.load(numbers, GAPS)
    const written = Atomics.load(numbers, WRITTEN)
    if (gaps === gapsNow) {
      for (; taken !== written; taken = (taken + 1) | 0)
        onChange(ids.toString('latin1', placeOf(taken), placeOf(taken) + ID_BYTES))
    } else onGap()
    gaps = gapsNow
    taken = written
    Atomics.store(numbers, TAKEN, taken)
    provenAt = proof === NEVER ? Number.NEGATIVE_INFINITY : Number(proof) / 1000
  }

  return {
    /** The time of the last proof, with all changes before it processed. Costs one load while there is nothing new. */
    provenAt() {
      if (Atomics.load(numbers, REVISION) !== revision) take()
      return provenAt
    },
    pulses: () => Atomics.load(numbers, PULSE),
  }
}
