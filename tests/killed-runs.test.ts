import { once } from 'node:events'
import { basename, dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { createFolder } from './support/folder.ts'
import { isGone } from './support/process.ts'

test.skipIf(process.platform !== 'linux')(
  'a program ends with the thread of tests that started it',
  async () => {
    const thread = new Worker(new URL('./support/starting-thread.ts', import.meta.url))
    const [pid] = await once(thread, 'message')
    expect(await isGone(pid)).toBe(false)

    await thread.terminate()

    await expect.poll(() => isGone(pid)).toBe(true)
  },
)

test('temporary folders are in the folder of the run, which the next run removes', async () => {
  expect(basename(dirname(await createFolder()))).toBe(`servauth-tests-${process.pid}-files`)
})
