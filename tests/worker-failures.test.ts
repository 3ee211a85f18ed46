import { expect, test } from 'vitest'
import { startWorker } from '../src/worker.ts'

test('a worker reports an outage once, and the next one after it has worked again', async () => {
  let isDown = true
  let takes = 0
  const reports: unknown[] = []
  const worker = startWorker({
    max: 1,
    pollMs: 1,
    take: async () => {
      takes++
      if (isDown) throw new Error('the database is away')
      return []
    },
    work: async () => {},
    onTakeFailed: (error) => reports.push(error),
  })
  const untilTaken = async (more: number) => {
    const wanted = takes + more
    await expect.poll(() => takes, { interval: 1 }).toBeGreaterThanOrEqual(wanted)
  }

  await untilTaken(5)
  const duringFirst = reports.length
  isDown = false
  await untilTaken(2)
  isDown = true
  await untilTaken(5)
  await worker.stop()

  expect([duringFirst, reports.length]).toEqual([1, 2])
})
