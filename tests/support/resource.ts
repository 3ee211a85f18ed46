import { afterAll, beforeAll, onTestFinished } from 'vitest'

type Resource = { close(): unknown }

/**
 * Opens a resource before the tests of this file or group and closes it after them. The object that it
 * returns is empty until then: tests and later hooks may read it, the file's top level may not.
 */
export function useResource<T extends Resource>(open: () => Promise<T>): T {
  const handle = {} as T
  let opened: T | undefined
  beforeAll(async () => {
    opened = await open()
    Object.assign(handle, opened)
  })
  afterAll(() => opened?.close())
  return handle
}

/** Opens a resource within a test and closes it when the test ends. */
export async function openForTest<T extends Resource>(open: () => Promise<T>): Promise<T> {
  const resource = await open()
  onTestFinished(async () => void (await resource.close()))
  return resource
}
