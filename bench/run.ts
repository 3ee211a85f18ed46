import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { connections } from './operations/connections.ts'
import { login, refresh, register } from './operations/credentials.ts'
import { graphqlMe, restMe } from './operations/me.ts'
import { memoryUse } from './operations/memory.ts'
import { revocation } from './operations/revocation.ts'
import { start } from './operations/start.ts'
import type { Bench, Operation } from './rig/bench.ts'
import { chart } from './rig/chart.ts'
import { openDatabases } from './rig/database.ts'
import { pin } from './rig/pinning.ts'
import { killAll } from './rig/process.ts'
import { report } from './rig/report.ts'
import { median, type Result, type Results, shown } from './rig/results.ts'

const OPERATIONS: Record<string, Operation> = {
  rest: restMe,
  graphql: graphqlMe,
  login,
  register,
  refresh,
  start,
  memory: memoryUse,
  connections,
  revocation,
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
  if (!operation) throw new Error(`No operation "${name}"; there are ${Object.keys(OPERATIONS).join(', ')}`)
  return operation
})
assertInstalled('wrk')
assertDescriptors(Number(options.connections))

const pinning = pin()
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
const found: Results = { results: [], troubles: [] }
// Under `bun run` one signal arrives twice, and the second must not cut the cleaning short.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void cleanUp().finally(() => process.exit(1)))
}

console.log(pinning.said)
try {
  for (const operation of chosen) await measure(operation)
} finally {
  await cleanUp()
}
await mkdir(options.output, { recursive: true })
const circumstances = { ...bench, rounds, pinned: pinning.said, postgres: databases.version }
await writeFile(join(options.output, 'results.md'), report(found, circumstances))
await writeFile(join(options.output, 'results.json'), `${JSON.stringify(found, null, 2)}\n`)
await writeFile(join(options.output, 'chart.svg'), chart(found.results))
console.log(`\nWritten to ${options.output}`)
process.exit(0)

/** Opens all subjects, then measures each in every round, so that a slow minute of the machine meets all of them. */
async function measure({ title, subjects }: Operation) {
  console.log(`\n${title}`)
  const open = new Map<string, Awaited<ReturnType<(typeof subjects)[number]['open']>>>()
  try {
    for (const subject of subjects.filter(({ name }) => name.includes(options.subjects))) {
      try {
        open.set(subject.name, await subject.open(bench))
      } catch (fault) {
        note(title, subject.name, fault instanceof Error ? fault.message : String(fault), true)
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const [name, { measure }] of open) {
        const { figures, faults } = await measure().catch((fault: unknown) => ({
          figures: {},
          faults: [String(fault)],
        }))
        for (const [figure, value] of Object.entries(figures)) keep(title, name, figure, value)
        for (const fault of faults) note(title, name, fault, false)
      }
    }
  } finally {
    for (const { close } of open.values()) await close()
  }
  for (const { subject, figure, values } of found.results.filter(({ operation }) => operation === title)) {
    console.log(`  ${subject.padEnd(56)} ${shown(median(values)).padStart(8)} ${figure}`)
  }
}

function keep(operation: string, subject: string, figure: string, value: number) {
  const is = (one: Result) => one.operation === operation && one.subject === subject && one.figure === figure
  const known = found.results.find(is)
  if (known) known.values.push(value)
  else found.results.push({ operation, subject, figure, values: [value] })
}

function note(operation: string, subject: string, said: string, leftOut: boolean) {
  found.troubles.push({ operation, subject, said, leftOut })
  console.log(`  ${subject}: ${leftOut ? 'left out: ' : ''}${said}`)
}

function cleanUp() {
  cleaning ??= clean()
  return cleaning
}

async function clean() {
  killAll()
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

/** A connection is a descriptor here and another one in the server. */
function assertDescriptors(wanted: number) {
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim()
  if (limit !== 'unlimited' && Number(limit) < wanted + 200) {
    throw new Error(
      `${wanted} connections need as many descriptors, there are ${limit}: ulimit -n ${wanted + 200}`,
    )
  }
}
