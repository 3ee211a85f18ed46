import { expect, test } from 'vitest'
import { useDatabase } from './support/database.ts'
import { PROGRAM } from './support/process.ts'
import { startProgram } from './support/program.ts'

const database = useDatabase()

/** Starts the program under a soft and a hard limit of open files, and reads what it says of them. */
async function findWarning(soft: number, hard: number) {
  const script = `ulimit -Sn ${soft} && ulimit -Hn ${hard} && exec ${PROGRAM}`
  const server = await startProgram(
    { DATABASE_URL: database.url },
    { bun: 'bash', entry: '-c', args: [script] },
  )
  await server.stop()
  return /Only \d+ connections and files may be open/.exec(server.output())?.[0]
}

test.runIf(process.platform === 'linux')(
  'a limit of open files below 10,000 connections is warned of, and a soft limit is raised',
  async () => {
    expect(await findWarning(500, 500)).toBe('Only 500 connections and files may be open')
    expect(await findWarning(500, 11_000)).toBeUndefined()
  },
)
