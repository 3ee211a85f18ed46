import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createHashingGate } from '../src/auth/passwords/hashing-gate.ts'
import { pause } from './support/time.ts'

const LIMITS = { maxConcurrent: 1, maxQueued: 64, maxWaitMs: 10_000, maxShare: 1, maxHoldMs: 10_000 }

// The times of hashes are those of this clock, and not of the machine.
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

/** Lets so much time pass. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** A gate for one hash at a time, and how many operations had their result when each hash began. */
function watchGate(maxHoldMs: number) {
  const gate = createHashingGate({ ...LIMITS, maxHoldMs })
  const continued: number[] = []
  let done = 0
  const hash = (ms: number) =>
    gate
      .hash(async () => {
        continued.push(done)
        await pause(ms)
      })
      .finally(() => done++)
  return { hash, continued, done: () => done }
}

test('while hashes wait, operations whose hash has ended continue together', async () => {
  const { hash, continued } = watchGate(10_000)

  for (let index = 0; index < 8; index++) void hash(1)
  await pass(8)
  expect(continued).toEqual([0, 0, 0, 0, 0, 4, 4, 6])
})

test('an operation continues after the longest hold, even if hashes take long', async () => {
  const { hash, continued } = watchGate(20)

  for (const ms of [1, 100, 1, 1]) void hash(ms)
  await pass(103)
  expect(continued).toEqual([0, 0, 1, 2])
})

test('a hash for which no other waits is not held', async () => {
  const { hash, done } = watchGate(10_000)

  for (const ms of [1, 1]) void hash(ms)
  await pass(2)
  expect(done()).toBe(2)
})

test('an operation whose hash fails is held like others, and fails', async () => {
  const gate = createHashingGate(LIMITS)
  const order: string[] = []
  const run = (name: string, job: () => Promise<unknown>) =>
    gate.hash(job).then(
      () => order.push(name),
      () => order.push(`${name} failed`),
    )

  const began: string[] = []
  await Promise.all([
    run('first', async () => Promise.reject(new Error('no hash'))),
    run('second', async () => began.push(order.join())),
    run('third', async () => began.push(order.join())),
    run('fourth', async () => began.push(order.join())),
  ])
  expect(began).toEqual(['', '', 'first failed,second'])
  expect(order).toEqual(['first failed', 'second', 'third', 'fourth'])
})
