import { edenGC, fullGC, heapSize } from 'bun:jsc'
import { expect, test } from 'vitest'
import { createSessionCache } from '../src/auth/sessions/session-cache.ts'
import type { Changes } from '../src/db/changes/changes.ts'
import { createDeadline } from '../src/deadline.ts'

const MIB = 1024 * 1024
const UNDER_WAY = 4
const ROUNDS = 100
const STARTS_PER_ROUND = 100
/** What one piece of work holds while it is under way. */
const createContext = () => new Array<number>(1000).fill(0.5)

/**
 * Keeps so many pieces of work under way, and ends the oldest when the next begins.
 * @returns how much the heap has grown after collections that read young objects only, as most do
 */
async function growthOf(begin: (index: number) => () => void) {
  const ends: (() => void)[] = []
  fullGC()
  const before = heapSize()
  for (let round = 0; round < ROUNDS; round++) {
    for (let start = 0; start < STARTS_PER_ROUND; start++) {
      ends.push(begin(round * STARTS_PER_ROUND + start))
      if (ends.length > UNDER_WAY) ends.shift()?.()
    }
    await new Promise((done) => setImmediate(done))
    edenGC()
  }
  const growth = heapSize() - before
  for (const end of ends) end()
  return growth
}

/** Work that ends when it is told to, and what it holds until then. */
function createWork() {
  const context = createContext()
  const { promise, resolve } = Promise.withResolvers<number[]>()
  return { promise, context, end: () => resolve(context) }
}

/** All contexts together have 80 MB. A young collection keeps what is under way, and what an earlier one has kept. */
const MAX_GROWTH = 16 * MIB

test('work that ended within its deadline does not stay in memory', async () => {
  const inTime = createDeadline(60_000)

  const growth = await growthOf(() => {
    const { promise, context, end } = createWork()
    void inTime(promise, () => new Error(`${context.length}`))
    return end
  })

  expect(growth).toBeLessThan(MAX_GROWTH)
})

/** Changes that arrive when the test says so. */
function createChanges() {
  let emit = (_id: string) => {}
  const subscribe = ({ onChange }: { onChange: (id: string) => void }) => {
    emit = onChange
  }
  const changes = { subscribe, isCurrent: () => true } as unknown as Changes
  return { changes, emit: (id: string) => emit(id) }
}

test('loads of unknown credentials do not stay in memory', async () => {
  const cache = createSessionCache(createChanges().changes)

  const growth = await growthOf((index) => {
    const { promise, context, end } = createWork()
    const load = cache.load(`credential ${index}`, () =>
      promise.then(() => {
        throw Object.assign(new Error('refused'), { context })
      }),
    )
    load.catch(() => {})
    return end
  })

  expect(growth).toBeLessThan(MAX_GROWTH)
})

test('changes that arrive after the last load do not stay in memory', async () => {
  const { changes, emit } = createChanges()
  const cache = createSessionCache(changes)
  const refused = cache.load('credential', () => Promise.reject(new Error('refused')))
  await expect(refused).rejects.toThrow('refused')

  fullGC()
  const before = heapSize()
  for (let index = 0; index < 500_000; index++) emit(`session ${index}`)
  fullGC()

  expect(heapSize() - before).toBeLessThan(MAX_GROWTH)
})
