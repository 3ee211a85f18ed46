import { chmod, mkdir, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { connect } from '../../src/db/connection/connect.ts'
import { startEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts'
import { migrate } from '../../src/db/migrate.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

/** The data of a test run need not survive a crash of the machine, and its password is random. */
const FAST = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'scram_iterations=1']
const NAME = 'servauth-tests-'
const MIN_MEMORY_BYTES = 4 * 1024 ** 3

/** The executable, and one PostgreSQL for the whole run, whose migrated database is the template of every other database. */
export default async function setup(project: TestProject) {
  await import('../../build.ts')
  const [parent, temporary] = [await chooseFolder(), tmpdir()]
  for (const path of new Set([parent, temporary])) await removeFormer(path)
  const folder = join(temporary, `${NAME}${process.pid}-files`)
  await mkdir(folder)
  await chmod(folder, 0o755)
  // All temporary folders of the run and of its programs are in it, so the run leaves none.
  process.env.TMPDIR = folder
  const postgres = await startEmbeddedPostgres(join(parent, `${NAME}${process.pid}`), FAST)
  await storePassword(postgres.url)
  await migrate({ DATABASE_URL: postgres.url })
  project.provide('postgresUrl', postgres.url)
  return async () => {
    await postgres.stop()
    for (const path of [postgres.folder, folder]) await rm(path, { recursive: true, force: true })
  }
}

/** Stores it again, by so few iterations. With the usual 4096, they take a third of the client's time for a connection. */
async function storePassword(url: string) {
  const { username, password } = new URL(url)
  const sql = connect(url)
  await sql.unsafe(`alter role ${username} password '${password}'`)
  await sql.end()
}

/** Memory, if there is plenty. A new database is 300 files, and takes half of the processor time there. */
async function chooseFolder() {
  const memory = await statfs('/dev/shm').catch(() => undefined)
  return memory && memory.bavail * memory.bsize > MIN_MEMORY_BYTES ? '/dev/shm' : tmpdir()
}

/** Removes what runs have left that were killed. Their programs have ended with them. */
async function removeFormer(parent: string) {
  for (const name of await readdir(parent)) {
    const pid = name.startsWith(NAME) ? Number.parseInt(name.slice(NAME.length), 10) : 0
    if (pid && !isRunning(pid)) await rm(join(parent, name), { recursive: true, force: true })
  }
}

function isRunning(pid: number) {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
