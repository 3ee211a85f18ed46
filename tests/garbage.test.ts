import { edenGC, fullGC, heapSize } from 'bun:jsc'
import { setTimeout } from 'node:timers/promises'
import { UnsecuredJWT } from 'jose'
import { expect, test } from 'vitest'
import type { Dependencies } from '../src/auth/dependencies.ts'
import { createRequiredFactor } from '../src/auth/factors/required-factor.ts'
import { createForward } from '../src/auth/services/forward.ts'
import { createIntrospection } from '../src/auth/services/introspection.ts'
import { createSessionCache } from '../src/auth/sessions/session-cache.ts'
import type { Caller, Viewer } from '../src/contract/caller.ts'
import type { Changes } from '../src/db/changes/changes.ts'
import { createDeadline } from '../src/deadline.ts'

const MIB = 1024 * 1024
const requiredFactor = createRequiredFactor({ SECOND_FACTOR: 'optional', SESSION_MAX_SECONDS: 1 })
const UNDER_WAY = 4
const ROUNDS = 100
const STARTS_PER_ROUND = 100
/** What one piece of work holds while it is under way. */
const createContext = () => new Array<number>(1000).fill(0.5)

/**
 * Keeps so many pieces of work under way, and ends the oldest when the next begins. Between rounds it waits.
 * @returns how much the heap has grown after collections that read young objects only, as most do
 */
async function growthOf(begin: (index: number) => () => void, { roundMs = 0 } = {}) {
  const ends: (() => void)[] = []
  fullGC()
  const before = heapSize()
  for (let round = 0; round < ROUNDS; round++) {
    for (let start = 0; start < STARTS_PER_ROUND; start++) {
      ends.push(begin(round * STARTS_PER_ROUND + start))
      if (ends.length > UNDER_WAY) ends.shift()?.()
    }
    await setTimeout(roundMs)
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

/** Few rounds share a batch of loads, and each batch has a `Map` that grows in the middle of a round. */
const SLOW = { roundMs: 20 }

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
  }, SLOW)

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

/** A caller as the session cache gives it, with answers that take 80 KB. */
const createViewer = () =>
  ({
    user: { id: '' },
    sessionId: '',
    hasFactor: false,
    context: new Array(10_000).fill(0.5),
  }) as unknown as Viewer

/** @returns how much the heap has grown after questions about callers that nothing else has any more */
async function growthOfQuestions(ask: (index: number, viewer: Viewer) => unknown) {
  fullGC()
  const before = heapSize()
  for (let index = 0; index < 1000; index++) await ask(index, createViewer())
  fullGC()
  return heapSize() - before
}

test('callers about whose tokens a service has asked do not stay in memory', async () => {
  let viewer = createViewer()
  const credentials = { view: () => viewer } as unknown as Dependencies['credentials']
  const introspect = createIntrospection({ credentials, requiredFactor })
  const token = new UnsecuredJWT({ sub: 'x' }).encode()

  const growth = await growthOfQuestions((_, asked) => {
    viewer = asked
    return introspect(token)
  })

  expect(growth).toBeLessThan(MAX_GROWTH)
})

test('callers about whose cookies a gateway has asked do not stay in memory', async () => {
  const identity = { user: {}, session: { id: '', expiresAt: '', authenticatedAt: '', amr: '' } }
  const token = { accessToken: 'token', accessTokenExpiresAt: '2099-01-01T00:00:00Z' }
  const parts = {
    credentials: { identify: async () => identity },
    accessTokens: { issue: async () => token },
    requiredFactor,
  } as unknown as Parameters<typeof createForward>[0]
  const forward = createForward(parts)

  const growth = await growthOfQuestions((index, viewer) =>
    forward({ bearer: null, cookie: `cookie ${index}`, view: () => viewer } as unknown as Caller),
  )

  expect(growth).toBeLessThan(MAX_GROWTH)
})
