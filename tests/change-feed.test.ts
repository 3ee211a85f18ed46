import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { allocateFeed, createFeedReader, createFeedWriter } from '../src/db/changes/change-feed.ts'

const idOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const numberOf = (id: string) => Number(id.slice(-12))

/** Both ends, and what the reader took in: the numbers of changes, and how many gaps. */
function open(memory = allocateFeed()) {
  const heard = { changes: [] as number[], gaps: 0 }
  const reader = createFeedReader(memory, {
    onChange: (id) => heard.changes.push(numberOf(id)),
    onGap: () => heard.gaps++,
  })
  return { memory, reader, heard, writer: createFeedWriter(memory) }
}

test('without a proof nothing is proven', () => {
  const { reader, writer } = open()
  expect(reader.provenAt()).toBe(Number.NEGATIVE_INFINITY)

  writer.prove(12.5)
  expect(reader.provenAt()).toBe(12.5)

  writer.distrust()
  expect(reader.provenAt()).toBe(Number.NEGATIVE_INFINITY)
})

test('a proof is rounded down, so that it never looks younger than it is', () => {
  const { reader, writer } = open()

  writer.prove(1.000_9)

  expect(reader.provenAt()).toBe(1)
})

test('a payload that is no id counts as a gap', () => {
  const { reader, writer, heard } = open()

  writer.change('*')
  reader.provenAt()

  expect(heard).toEqual({ changes: [], gaps: 1 })
})

test('in every order of writing and reading, a proof comes with every change before it, or with a gap', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('change' as const), count: fc.integer({ min: 1, max: 3000 }) }),
    fc.record({
      kind: fc.constantFrom('prove' as const, 'gap' as const, 'read' as const),
      count: fc.constant(1),
    }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { reader, writer, heard } = open()
      let written = 0
      /** Up to which change the reader was told of every one, by its id or by a gap. */
      let known = 0
      const read = () => {
        const gapsBefore = heard.gaps
        const provenAt = reader.provenAt()
        known = heard.gaps > gapsBefore ? written : Math.max(known, heard.changes.at(-1) ?? 0)
        if (provenAt > known) throw new Error(`${provenAt} is proven, ${known} is known`)
      }
      for (const { kind, count } of steps) {
        if (kind === 'change') for (let index = 0; index < count; index++) writer.change(idOf(++written))
        if (kind === 'gap') writer.gap()
        if (kind === 'prove') writer.prove(written)
        if (kind === 'read') read()
      }
      read()

      expect(known).toBe(written)
      expect(heard.changes).toEqual([...new Set(heard.changes)].toSorted((a, b) => a - b))
    }),
    { numRuns: 200 },
  )
})

test('between two threads that do not wait for each other, no proof is seen before its changes', async () => {
  const rounds = 4000
  const feeds = Array.from({ length: 50 }, () => open())
  const memories = feeds.map(({ memory }) => memory)
  const turn = new SharedArrayBuffer(4)
  const writer = new Worker(new URL('./support/hasty-writer.ts', import.meta.url), {
    workerData: { memories, rounds, turn },
  })
  onTestFinished(async () => void (await writer.terminate()))
  await once(writer, 'online')

  // This only ends what hangs. The threads take a second, and longer on a busy machine.
  const end = performance.now() + 120_000
  for (const { reader, heard } of feeds) {
    Atomics.add(new Int32Array(turn), 0, 1)
    let provenAt = 0
    while (provenAt < rounds && performance.now() < end) {
      provenAt = reader.provenAt()
      // The writer proves after every change, with the number of the change as the moment.
      if (provenAt > (heard.changes.at(-1) ?? 0)) throw new Error(`${provenAt} is proven and not known`)
    }
    expect(heard.gaps).toBe(0)
    expect(heard.changes).toEqual(Array.from({ length: rounds }, (_, index) => index + 1))
  }
})
