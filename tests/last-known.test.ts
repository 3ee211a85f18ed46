import { expect, onTestFinished, test, vi } from 'vitest'
import { createLastKnown, MAX_KEY_AGE_MS } from '../src/auth/keys/last-known.ts'

/** A value that counts its reads, and a clock that only the test moves. */
function createCountedReads() {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  let reads = 0
  return createLastKnown(async () => ({ reads: ++reads }))
}

test('a value is read again after a minute, even if the event loop has been busy since its last use', async () => {
  const known = createCountedReads()
  await known.get()

  expect(await known.get()).toEqual({ reads: 1 })
  vi.advanceTimersByTime(MAX_KEY_AGE_MS + 1)
  expect(await known.get()).toEqual({ reads: 2 })
})

test('a value is not read again within the minute', async () => {
  const known = createCountedReads()
  await known.get()

  vi.advanceTimersByTime(MAX_KEY_AGE_MS - 1)

  expect(await known.get()).toEqual({ reads: 1 })
})
