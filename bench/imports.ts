import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { migrate } from '../src/db/migrate.ts'
import { EXPORTS, writeExport } from './imports/exports.ts'
import { openDatabases } from './rig/database.ts'
import { describeMachine, formatTable, today } from './rig/report.ts'
import { formatFigure } from './rig/results.ts'
import { pause } from './rig/server-process.ts'

/**
 * Measures imports of many accounts by the real command: at one go, and killed in the middle and run again. The
 * processor time of PostgreSQL is measured on Linux, and only of the embedded one.
 */
const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    sources: { type: 'string', default: 'csv,json,keycloak' },
    output: { type: 'string', default: fileURLToPath(new URL('results', import.meta.url)) },
  },
})
const ROWS = Number(options.rows)
const WANTED_PER_SECOND = 10_000
const COMMAND = fileURLToPath(new URL('../src/index.ts', import.meta.url))
const SECRET = randomBytes(32).toString('base64url')

const scratch = await mkdtemp(join(tmpdir(), 'servauth-imports-'))
const databases = await openDatabases(scratch)
const rows: string[][] = []
try {
  for (const source of options.sources.split(',')) {
    if (!EXPORTS[source])
      throw new Error(`There is no source "${source}". Choose from ${Object.keys(EXPORTS).join(', ')}`)
    const file = join(scratch, `export.${source === 'csv' ? 'csv' : 'json'}`)
    console.log(`${source}: writing ${ROWS} accounts`)
    await writeExport(file, source, ROWS)
    rows.push(await measureImport(source, file, false), await measureImport(source, file, true))
    await rm(file)
  }
  await writeReport()
} finally {
  await databases.close()
  await rm(scratch, { recursive: true, force: true })
}
process.exit(0)

/** Imports a file into a new database, and counts the accounts afterwards. */
async function measureImport(source: string, file: string, isKilled: boolean) {
  const url = await databases.create('imports')
  await migrate({ DATABASE_URL: url })
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const count = async () => Number((await sql`select count(*) from users`)[0]?.count)
  const cpuBefore = await databases.cpuSeconds()
  const began = performance.now()
  let killedAt = 0
  let command = startImport(source, file, url)
  if (isKilled) {
    while ((await count()) < ROWS / 2) await Promise.race([pause(100), command.ended])
    await command.kill()
    killedAt = await count()
    command = startImport(source, file, url)
  }
  const { cpuSeconds, maxMemoryMiB, lines } = await command.ended
  const seconds = (performance.now() - began) / 1000
  const databaseSeconds = (await databases.cpuSeconds()) - cpuBefore
  const imported = await count()
  await sql.end()
  const faults = imported === ROWS ? 'none' : `${imported} accounts instead of ${ROWS}`
  const row = [
    isKilled ? `${source}, killed after ${killedAt} and run again` : source,
    formatFigure(ROWS / seconds),
    ...(isKilled ? ['', ''] : [cpuSeconds, databaseSeconds].map((each) => formatFigure(ROWS / each))),
    formatFigure(maxMemoryMiB),
    String(lines),
    faults,
  ]
  console.log(row.join('  '))
  return row
}

/** Runs the command as an operator does, and watches its memory. */
function startImport(source: string, file: string, url: string) {
  const { PATH = '', HOME = '' } = process.env
  const child = Bun.spawn([process.execPath, '--no-install', COMMAND, 'import', source, file], {
    env: {
      PATH,
      HOME,
      NODE_ENV: 'production',
      DATABASE_URL: url,
      AUTH_SECRET: SECRET,
      PUBLIC_URL: 'https://bench.example',
    },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let isKilled = false
  async function end() {
    const output = await new Response(child.stdout).text()
    const code = await child.exited
    if (code !== 0 && !isKilled) throw new Error(`The import of ${source} failed (${code})`)
    const { cpuTime, maxRSS } = child.resourceUsage() ?? { cpuTime: { total: 0 }, maxRSS: 0 }
    return {
      cpuSeconds: Number(cpuTime.total) / 1e6,
      // Bun gives bytes on every platform.
      maxMemoryMiB: maxRSS / 2 ** 20,
      lines: output.split('\n').filter((line) => line.includes('a second')).length,
    }
  }
  const ended = end()
  return {
    ended,
    kill() {
      isKilled = true
      child.kill('SIGKILL')
      return ended
    },
  }
}

async function writeReport() {
  const head = [
    'source',
    'accounts/s',
    'by processor time',
    "by PostgreSQL's",
    'MiB at most',
    'lines of progress',
    'faults',
  ]
  const text = [
    '# Imports',
    `Imports of ${ROWS} accounts by the real command. Wanted: at least ${WANTED_PER_SECOND} a second.`,
    `${describeMachine({ pinning: { server: [], description: 'nothing pinned' }, databases })}\n- ${today()}`,
    formatTable(head, rows),
    '',
  ].join('\n\n')
  await mkdir(options.output, { recursive: true })
  await writeFile(join(options.output, 'imports.md'), text)
  console.log(text)
}
