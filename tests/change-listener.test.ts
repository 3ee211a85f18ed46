import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ListenerData } from '../src/db/changes/change-listener-thread.ts'
import { createChanges, REST_AFTER_MS } from '../src/db/changes/changes.ts'
import { useDatabase } from './support/database.ts'
import type { Trouble } from './support/faulty-change-listener.ts'
import { startProcess } from './support/process.ts'
import { createProxy } from './support/proxy.ts'
import { pause, secondsSince } from './support/time.ts'

/** The promise: how long after a commit the former state may still be believed. */
const FELT_MS = 250

const database = useDatabase()

/** Changes with a thread that can be put in trouble, and what they report. */
async function startChanges() {
  const proxy = await createProxy(database.url)
  const threads: Worker[] = []
  const heard = { ids: [] as string[], gaps: 0, lost: [] as unknown[] }
  const changes = createChanges(
    proxy.url,
    (fault) => heard.lost.push(fault),
    (workerData: ListenerData) => {
      const thread = new Worker(new URL('./support/faulty-change-listener.ts', import.meta.url), {
        workerData,
      })
      threads.push(thread)
      return thread
    },
  )
  changes.subscribe({ onChange: (id) => heard.ids.push(id), onGap: () => heard.gaps++ })
  changes.start()
  await changes.catchUp()
  onTestFinished(async () => {
    await changes.stop()
    await proxy.close()
  })
  const isReleased = new Int32Array(new SharedArrayBuffer(4))
  const send = (order: Trouble) => threads.at(-1)?.postMessage({ now: 0, ...order })
  return {
    changes,
    proxy,
    heard,
    threads,
    kill: () => send({ dies: true }),
    keepBusy: () => send({ busyUntil: isReleased }),
    release: () => Atomics.store(isReleased, 0, 1),
  }
}

async function changeSomething() {
  const [row] = await database.sql`
    insert into users (email, password) values (${`${crypto.randomUUID()}@example.com`}, 'x') returning id`
  await database.sql`update users set username = 'Ada' where id = ${String(row?.id)}`
  return String(row?.id)
}

const isCurrentAgain = (changes: ReturnType<typeof createChanges>) =>
  expect.poll(() => changes.isCurrent(), { interval: 10 }).toBe(true)

describe('a change is not missed, and nothing is believed meanwhile,', () => {
  test.each([
    ['cut', ({ proxy }: Started) => proxy.cut(), ({ proxy }: Started) => proxy.restore()],
    ['frozen', ({ proxy }: Started) => proxy.freeze(), ({ proxy }: Started) => proxy.restore()],
    ['slow', ({ proxy }: Started) => proxy.slow(300), ({ proxy }: Started) => proxy.restore()],
    ['starved', ({ keepBusy }: Started) => keepBusy(), ({ release }: Started) => release()],
    ['hanging for ever', ({ keepBusy }: Started) => keepBusy(), () => {}],
  ])('while the listener is %s', async (_, begin, end) => {
    const started = await startChanges()
    const { changes, heard } = started
    const gapsBefore = heard.gaps

    begin(started)
    await pause(FELT_MS)
    const id = await changeSomething()
    expect(changes.isCurrent()).toBe(false)
    await pause(300)
    expect(changes.isCurrent()).toBe(false)
    end(started)
    await isCurrentAgain(changes)

    expect(heard.ids.includes(id) || heard.gaps > gapsBefore).toBe(true)
  })
  type Started = Awaited<ReturnType<typeof startChanges>>

  test('when its thread dies, which is started again and reported once', async () => {
    const { changes, heard, kill, threads } = await startChanges()
    const gapsBefore = heard.gaps

    kill()
    // It is not current for 250 ms at least, since the next thread starts after these.
    await expect.poll(() => changes.isCurrent(), { interval: 5 }).toBe(false)
    const id = await changeSomething()
    await isCurrentAgain(changes)

    expect(heard.ids.includes(id) || heard.gaps > gapsBefore).toBe(true)
    // On a busy machine, a thread that starts late is given up too, and an answer that is late is reported.
    const messages = heard.lost.map((fault) => (fault as Error).message)
    const count = (text: string) => messages.filter((message) => message.includes(text)).length
    expect(threads.length).toBeGreaterThan(1)
    expect(messages.length).toBeGreaterThan(0)
    expect(count('The thread was told to die')).toBeLessThanOrEqual(1)
    expect(count('The listening thread ended')).toBeLessThanOrEqual(threads.length - 2)
  })
})

test('an event loop that never rests neither ends the trust nor delays a change', async () => {
  const heard: string[] = []
  const changes = createChanges(database.url)
  changes.subscribe({ onChange: (id) => heard.push(id), onGap: () => {} })
  changes.start()
  await changes.catchUp()
  onTestFinished(changes.stop)
  // By a program of its own, since nothing else happens on this event loop.
  const editor = fileURLToPath(new URL('support/steady-edits.ts', import.meta.url))
  const editing = startProcess({ entry: editor, env: { DATABASE_URL: database.url } })
  await expect.poll(() => changes.isCurrent() && heard.length, { interval: 10 }).toBeGreaterThan(0)

  // A busy machine may delay the listening thread at any time. But this loop does not: proofs and changes still arrive.
  const began = performance.now()
  const before = heard.length
  let isShown = false
  while (!isShown && secondsSince(began) < 60) {
    isShown = changes.isCurrent() && secondsSince(began) > 1 && heard.length >= before + 10
  }

  expect(isShown).toBe(true)
  await editing.stop()
})

test('proofs are not younger than they are: their age is never negative, and mostly a heartbeat', async () => {
  const { changes } = await startChanges()
  async function lookAtAges() {
    const ages: number[] = []
    for (let look = 0; look < 200; look++) {
      ages.push(changes.ageMs())
      await pause(5)
    }
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(0)
    return ages.toSorted((a, b) => a - b)[100]
  }

  // On a busy machine, some rounds have late proofs. If the clocks did not agree, all had.
  await expect.poll(lookAtAges).toBeLessThan(FELT_MS / 2)
})

test('the thread rests until someone asks, and again a minute after the last question', async () => {
  const changes = createChanges(database.url)
  changes.start()
  onTestFinished(changes.stop)
  await expect.poll(() => changes.ageMs()).toBeLessThan(1000)

  expect(await countProofs(changes, 2000)).toBeLessThan(6)
  await isCurrentAgain(changes)
  // More than come in this time while it rests. On a busy machine, another round may be needed.
  await expect.poll(() => countProofs(changes, 5000, 21)).toBe(21)

  const clock = performance.now.bind(performance)
  const later = vi.spyOn(performance, 'now').mockImplementation(() => clock() + REST_AFTER_MS)
  onTestFinished(() => later.mockRestore())
  // The thread is told at the next look at it.
  await expect.poll(() => countProofs(changes, 2000)).toBeLessThan(6)
  await isCurrentAgain(changes)
})

async function countProofs({ ageMs }: ReturnType<typeof createChanges>, forMs: number, max = Infinity) {
  let proofs = 0
  let lastAge = ageMs()
  for (const end = performance.now() + forMs; performance.now() < end && proofs < max; await pause(5)) {
    const age = ageMs()
    if (age < lastAge) proofs++
    lastAge = age
  }
  return proofs
}

test('after a suspension of the machine, which its monotonic clock does not count, nothing older is believed', async () => {
  const { changes, heard } = await startChanges()
  await isCurrentAgain(changes)
  const gapsBefore = heard.gaps

  const clock = Date.now.bind(Date)
  const later = vi.spyOn(Date, 'now').mockImplementation(() => clock() + 60_000)
  onTestFinished(() => later.mockRestore())
  await pause(5)

  expect(changes.isCurrent()).toBe(false)
  expect(heard.gaps).toBe(gapsBefore + 1)
  await isCurrentAgain(changes)
})

test('the thread ends with what started it, whether it is stopped or not', async () => {
  const entry = fileURLToPath(new URL('support/unstopped-changes.ts', import.meta.url))
  const { exited, output } = startProcess({ entry, env: { DATABASE_URL: database.url } })

  expect([(await exited).code, output()]).toEqual([0, ''])
})
