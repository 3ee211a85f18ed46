import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

/** The data of a test run need not survive a crash of the machine. */
const FAST = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']

/** The bundle, and one PostgreSQL for the whole run, whose migrated database is the template of every other database. */
export default async function setup(project: TestProject) {
  await import('../../build.ts')
  const postgres = await startEmbeddedPostgres(join(tmpdir(), `servauth-tests-${process.pid}`), FAST)
  await migrate({ DATABASE_URL: postgres.url })
  project.provide('postgresUrl', postgres.url)
  return async () => {
    await postgres.stop()
    await rm(postgres.folder, { recursive: true, force: true })
  }
}
