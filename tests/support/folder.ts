import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** An empty folder for one test; it is removed when the test ends. */
export async function createFolder() {
  const path = await mkdtemp(join(tmpdir(), 'servauth-test-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

/** A file for one test, in a folder of its own. */
export async function createFile(name: string, content: string | Buffer) {
  const path = join(await createFolder(), name)
  await writeFile(path, content)
  return path
}
