import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import {
  limitOperations,
  MAX_OPERATIONS,
  MAX_START_MS,
  MIN_REFUSAL_MS,
} from '../src/auth/load/operation-limit.ts'
import { createPace } from '../src/auth/load/pace.ts'
import type { Caller } from '../src/contract/caller.ts'
import { AuthError } from '../src/errors.ts'

const MANY_READS = 2000
/** In a look, so that they are protected. They take a tenth of a core. */
const READS = 10
/** More than a server can give since it has started. */
const MANY_ANSWERS = 1e12
/** Waiting work is looked at once in a millisecond. */
const nextLook = () => new Promise((next) => setTimeout(next, 2))

test.each(['answer', 'operation'] as const)(
  'however many wait of one network, the %s of another comes next',
  async (kind) => {
    let answers = MANY_ANSWERS
    const refresh: (...args: unknown[]) => unknown = () => 'done'
    const limits = { isShared: true, countCachedAnswers: () => answers }
    const { useCases, waitForTurn } = limitOperations({ refresh }, limits)
    const ended: string[] = []
    const wait = async (ipAddress: string) => {
      const caller = { client: { ipAddress } } as Caller
      await (kind === 'answer' ? waitForTurn(ipAddress, 0) : useCases.refresh(undefined, caller))
      ended.push(ipAddress)
    }
    for (let index = 0; index < 200; index++) wait('192.0.2.1').catch(() => {})
    void wait('198.51.100.1')

    for (; !ended.includes('198.51.100.1'); answers += 1000) await nextLook()
    expect(ended.indexOf('198.51.100.1')).toBeLessThan(10)
  },
)

test('answers to clients that have gone leave the queue before the next answer of their network', async () => {
  let answers = MANY_ANSWERS
  const { waitForStart } = createPace(() => answers, 10, { idleStartsPerMs: 0 })
  const gone = new AbortController()
  let dropped = 0
  for (let index = 0; index < 1000; index++)
    void waitForStart('192.0.2.1', 1, gone.signal).then(() => dropped++)
  gone.abort()
  const live = waitForStart('192.0.2.1').then(() => dropped)

  for (let look = 0; look < 20; look++) {
    answers += 50
    await nextLook()
  }
  expect(dropped).toBe(1000)
  expect(await live).toBe(1000)
})

test('an answer whose work took long counts as several', async () => {
  let answers = MANY_ANSWERS
  const { waitForStart } = createPace(() => answers, 10, { idleStartsPerMs: 0 })
  let started = 0
  for (let index = 0; index < 1000; index++) void waitForStart('192.0.2.1', 10).then(() => started++)

  for (let look = 0; look < 20; look++) {
    answers += 500
    await nextLook()
  }
  expect(started).toBeGreaterThan(90)
  expect(started).toBeLessThan(110)
})

test('work starts by the answers that are given meanwhile, and freely without any', async () => {
  let answers = MANY_ANSWERS
  const { waitForStart } = createPace(() => answers, 100, { idleStartsPerMs: 0 })
  let started = 0
  for (let index = 0; index < 1000; index++) void waitForStart().then(() => started++)

  for (let look = 0; look < 100; look++) {
    answers += 50
    await nextLook()
  }
  expect(started).toBeGreaterThan(45)
  expect(started).toBeLessThan(55)
  await expect.poll(() => started).toBe(1000)
})

test('a turn without answers between two batches of answers starts no work', async () => {
  let answers = MANY_ANSWERS
  const { waitForStart } = createPace(() => answers, Number.POSITIVE_INFINITY, { idleStartsPerMs: 0 })
  let started = 0
  for (let index = 0; index < 100; index++) void waitForStart().then(() => started++)
  await nextTurn()
  const before = started

  for (let batch = 0; batch < 20; batch++) {
    // So many that no pause of the machine makes them few.
    answers += 1e6
    await nextTurn()
    await nextTurn()
  }
  expect(started).toBe(before)
})

test('beside many answers, as much work may wait as starts in time, and what waits too long is given up', async () => {
  let answers = MANY_ANSWERS
  const { waitForStart, countStarts } = createPace(() => answers, Number.POSITIVE_INFINITY, {
    idleStartsPerMs: 0,
    maxWaitMs: 1,
  })
  const pending: Promise<boolean>[] = []

  do {
    pending.push(waitForStart())
    answers += 1e6
    await nextTurn()
  } while (countStarts(500) > 100)
  expect(await Promise.all(pending)).toContain(false)
  const countAfterStart = () => waitForStart().then(() => countStarts(500))
  await expect.poll(countAfterStart).toBe(Infinity)
})

test('few clients that ask again as soon as they are answered are noticed behind a flood', async () => {
  let answers = 0
  const { waitForStart, countStarts } = createPace(() => answers, Number.POSITIVE_INFINITY, {
    idleStartsPerMs: 0,
  })
  let started = 0
  for (let index = 0; index < 10_000; index++) void waitForStart().then(() => started++)

  // A turn that starts work leaves them no time to ask.
  for (let before = -1; started < 10_000 && countStarts(1) === Infinity; await nextTurn()) {
    if (started === before) answers++
    before = started
  }
  expect(started).toBeLessThan(10_000)
})

test('a thread that runs all the time does not rest, though the kernel counts its time in steps', async () => {
  let answers = MANY_ANSWERS
  const { waitForStart } = createPace(() => answers, Number.POSITIVE_INFINITY, { idleStartsPerMs: 8 })
  let started = 0
  for (let index = 0; index < 10_000; index++) void waitForStart().then(() => started++)

  /** @returns how many started, and how long the thread did not run */
  async function runAllTheTime() {
    const before = { at: performance.now(), cpu: process.threadCpuUsage(), started }
    while (performance.now() - before.at < 200) {
      answers += 1000
      for (const end = performance.now() + 1.2; performance.now() < end; );
      await nextTurn()
    }
    const { user, system } = process.threadCpuUsage(before.cpu)
    const idleMs = performance.now() - before.at - (user + system) / 1000
    return { started: started - before.started, idleMs }
  }
  await runAllTheTime()
  const round = await runAllTheTime()

  // On a busy machine, other programs take the processor meanwhile.
  expect(round.started).toBeLessThan(8 * (round.idleMs + 20))
})

test('without answers to others, what 64 clients ask at once starts at once', async () => {
  const { waitForStart } = createPace(() => 0, Number.POSITIVE_INFINITY)
  await Bun.sleep(50)
  let started = 0
  for (let index = 0; index < 64; index++) void waitForStart().then(() => started++)
  await nextTurn()
  await nextTurn()

  expect(started).toBe(64)
})

test('without answers to others, batches of cheap work grow', async () => {
  const { waitForStart } = createPace(() => 0, Number.POSITIVE_INFINITY)
  let started = 0
  for (let index = 0; index < 10_000; index++) void waitForStart().then(() => started++)

  let looks = 0
  for (; started < 10_000; looks++) await nextLook()
  expect(looks).toBeLessThan(200)
})

test('beside moderate reads, work that leaves the thread at rest starts faster and faster', async () => {
  let answers = MANY_ANSWERS
  const { waitForStart } = createPace(() => answers, Number.POSITIVE_INFINITY)
  let started = 0
  for (let index = 0; index < 1000; index++) void waitForStart().then(() => started++)

  let looks = 0
  for (; started < 1000; looks++) {
    answers += READS
    await nextLook()
  }
  // At a pace that does not grow it takes 3000 looks; on an idle machine 80, and on a busy one 250.
  expect(looks).toBeLessThan(1000)
})

test('after a pause of the thread, waiting work starts again beside moderate reads', async () => {
  let answers = MANY_ANSWERS
  const { waitForStart } = createPace(() => answers, Number.POSITIVE_INFINITY)
  let started = 0
  for (let index = 0; index < 1000; index++) void waitForStart().then(() => started++)
  answers += MANY_READS
  await nextLook()
  for (const end = performance.now() + 300; performance.now() < end; );

  let looks = 0
  for (; started < 1000 && looks < 1000; looks++) {
    answers += READS
    await nextLook()
  }
  expect(started).toBe(1000)
})

test('beside moderate reads, a burst of operations is not refused while the thread rests', async () => {
  async function sendBurst() {
    let answers = MANY_ANSWERS
    const limits = { isShared: true, countCachedAnswers: () => answers }
    const refresh: (...args: unknown[]) => unknown = () => 'done'
    const { useCases, refuseIfBusy } = limitOperations({ refresh }, limits)
    const caller = { client: { ipAddress: '192.0.2.1' } } as Caller
    for (let look = 0; look < 100; look++) {
      answers += READS
      await nextLook()
    }
    const outcomes: unknown[] = []
    for (let index = 0; index < 100; index++) {
      const call = async () => {
        await refuseIfBusy(caller)
        return useCases.refresh(undefined, caller)
      }
      void call().then(
        (done) => outcomes.push(done),
        ({ code }) => outcomes.push(code),
      )
    }
    let longestLookMs = 0
    for (let at = performance.now(); outcomes.length < 100; at = performance.now()) {
      answers += READS
      await nextLook()
      longestLookMs = Math.max(longestLookMs, performance.now() - at)
    }
    return { refused: outcomes.filter((outcome) => outcome !== 'done').length, longestLookMs }
  }

  let burst = await sendBurst()
  // A thread that a busy machine holds up does not rest, and what waits so long is given up.
  while (burst.refused > 0 && burst.longestLookMs > MAX_START_MS / 10) burst = await sendBurst()
  expect(burst.refused).toBe(0)
})

test('an operation that was given up after a while is refused without a further wait', async () => {
  const order: string[] = []
  const timer = Promise.withResolvers<void>()
  const giveUp: (...args: unknown[]) => unknown = async () => {
    await new Promise((done) => setTimeout(done, MIN_REFUSAL_MS))
    setTimeout(() => timer.resolve(), MIN_REFUSAL_MS / 2)
    throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
  }
  const { useCases } = limitOperations({ giveUp }, { isShared: true, countCachedAnswers: () => 0 })
  const caller = { client: { ipAddress: '192.0.2.1' } } as Caller

  const refusal = Promise.resolve(useCases.giveUp(undefined, caller)).catch(() => order.push('refusal'))
  await Promise.all([refusal, timer.promise.then(() => order.push('later'))])
  expect(order).toEqual(['refusal', 'later'])
})

test('without answers to others, operations start in batches, though each looks into the cache', async () => {
  let lookUps = 0
  const lookUp: (...args: unknown[]) => unknown = () => lookUps++
  const { useCases } = limitOperations({ lookUp }, { isShared: false, countCachedAnswers: () => lookUps })
  const caller = { client: { ipAddress: '192.0.2.1' } } as Caller
  for (let index = 0; index < MAX_OPERATIONS; index++) void useCases.lookUp(undefined, caller)

  let looks = 0
  for (; lookUps < MAX_OPERATIONS; looks++) await nextLook()
  expect(looks).toBeLessThan(100)
})
