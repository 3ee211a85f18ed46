import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { attacks } from './operations/attacks.ts'
import { closedLoops } from './operations/closed-loops.ts'
import { connections } from './operations/connections.ts'
import { login, refresh, register } from './operations/credentials.ts'
import { documents } from './operations/documents.ts'
import { factors } from './operations/factors.ts'
import { failedLogins } from './operations/failed-logins.ts'
import { graphqlMe, restMe } from './operations/me.ts'
import { memoryUse } from './operations/memory.ts'
import { overload } from './operations/overload.ts'
import { revocation } from './operations/revocation.ts'
import { start } from './operations/start.ts'
import { webhooks } from './operations/webhooks.ts'
import type { Bench, Operation } from './rig/bench.ts'
import { drawChart } from './rig/chart.ts'
import { openDatabases } from './rig/database.ts'
import { pinProcess } from './rig/pinning.ts'
import { formatReport } from './rig/report.ts'
import { formatFigure, median, type Result, type Results } from './rig/results.ts'
import { killServers } from './rig/server-process.ts'

const OPERATIONS: Record<string, Operation> = {
  rest: restMe,
  graphql: graphqlMe,
  documents,
  login,
  factors,
  failed: failedLogins,
  register,
  refresh,
  start,
  memory: memoryUse,
  attacks,
  connections,
  closed: closedLoops,
  overload,
  revocation,
  webhooks,
}

const { values: options } = parseArgs({
  options: {
    operations: { type: 'string', default: Object.keys(OPERATIONS).join(',') },
    subjects: { type: 'string', default: '' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '10000' },
    requests: { type: 'string', default: '100000' },
    output: { type: 'string', default: fileURLToPath(new URL('results', import.meta.url)) },
  },
})

const [seconds, rounds] = [Number(options.seconds), Number(options.rounds)]
const chosen = options.operations.split(',').map((name) => {
  const operation = OPERATIONS[name]
  if (!operation)
    throw new Error(`There is no operation "${name}". Choose from ${Object.keys(OPERATIONS).join(', ')}`)
  return operation
})
assertInstalled('wrk')
assertDescriptors(Number(options.connections))

const pinning = pinProcess()
const scratch = await mkdtemp(join(tmpdir(), 'servauth-bench-'))
const databases = await openDatabases(scratch)
const bench: Bench = {
  databases,
  pinning,
  scratch,
  seconds,
  connections: Number(options.connections),
  requests: Number(options.requests),
}
let cleaning: Promise<void> | undefined
const results: Results = { results: [], troubles: [] }
// Under `bun run` one signal arrives twice. The second must not interrupt the clean-up.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void cleanUp().finally(() => process.exit(1)))
}

console.log(pinning.description)
try {
  for (const operation of chosen) await measureOperation(operation)
} finally {
  await cleanUp()
}
await mkdir(options.output, { recursive: true })
const conditions = { ...bench, rounds, pinned: pinning.description, postgres: databases.version }
await writeFile(join(options.output, 'results.md'), formatReport(results, conditions))
await writeFile(join(options.output, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
await writeFile(join(options.output, 'chart.svg'), drawChart(results.results))
console.log(`\nWritten to ${options.output}`)
process.exit(0)

/** Opens all subjects, then measures each in every round, so that a slow minute of the machine affects all of them. */
async function measureOperation({ title, subjects }: Operation) {
  console.log(`\n${title}`)
  const open = new Map<string, Awaited<ReturnType<(typeof subjects)[number]['open']>>>()
  try {
    for (const subject of subjects.filter(({ name }) => name.includes(options.subjects))) {
      try {
        open.set(subject.name, await subject.open(bench))
      } catch (fault) {
        addTrouble(title, subject.name, fault instanceof Error ? fault.message : String(fault), true)
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const [name, { measure }] of open) {
        const { figures, faults } = await measure().catch((fault: unknown) => ({
          figures: {},
          faults: [String(fault)],
        }))
        for (const [figure, value] of Object.entries(figures)) addFigure(title, name, figure, value)
        for (const fault of faults) addTrouble(title, name, fault, false)
      }
    }
  } finally {
    for (const { close } of open.values()) await close()
  }
  for (const { subject, figure, values } of results.results.filter(({ operation }) => operation === title)) {
    console.log(`  ${subject.padEnd(56)} ${formatFigure(median(values)).padStart(8)} ${figure}`)
  }
}

function addFigure(operation: string, subject: string, figure: string, value: number) {
  const isSame = (one: Result) =>
    one.operation === operation && one.subject === subject && one.figure === figure
  const known = results.results.find(isSame)
  if (known) known.values.push(value)
  else results.results.push({ operation, subject, figure, values: [value] })
}

function addTrouble(operation: string, subject: string, description: string, leftOut: boolean) {
  results.troubles.push({ operation, subject, description, leftOut })
  console.log(`  ${subject}: ${leftOut ? 'left out: ' : ''}${description}`)
}

function cleanUp() {
  cleaning ??= clean()
  return cleaning
}

async function clean() {
  killServers()
  await databases.close()
  await rm(scratch, { recursive: true, force: true })
}

function assertInstalled(program: string) {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`])
  } catch {
    throw new Error(`${program} is not installed: apt install ${program}, or brew install ${program}`)
  }
}

/** Each connection needs one file descriptor here, and another one in the server. */
function assertDescriptors(wanted: number) {
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  if (limit !== 'unlimited' && Number(limit) < wanted + 200) {
    throw new Error(
      `${wanted} connections need as many file descriptors, but the limit is ${limit}: ulimit -n ${wanted + 200}`,
    )
  }
}
