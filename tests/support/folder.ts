import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** An empty folder for one test; it is removed when the test ends. */
export async function createFolder() {
  const path = await mkdtemp(join(tmpdir(), 'servauth-test-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}
