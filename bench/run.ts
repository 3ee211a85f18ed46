import { execFileSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
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
import { describeMachine, describeRun, formatReport } from './rig/report.ts'
import { formatFigure, median, type Results, replaceOperation } from './rig/results.ts'
import { withBench } from './rig/with-bench.ts'

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

const chosen = options.operations.split(',').map((name) => {
  const operation = OPERATIONS[name]
  if (!operation)
    throw new Error(`There is no operation "${name}". Choose from ${Object.keys(OPERATIONS).join(', ')}`)
  return operation
})
assertInstalled('wrk')
assertDescriptors(Number(options.connections))

const sizes = {
  seconds: Number(options.seconds),
  connections: Number(options.connections),
  requests: Number(options.requests),
}
await withBench(sizes, async (bench) => {
  const rounds = Number(options.rounds)
  const all = await readResults(describeMachine(bench))
  for (const operation of chosen) {
    const measured = await measureOperation(bench, operation, rounds)
    replaceOperation(all, operation.title, describeRun(bench, rounds), measured)
    await writeResults(all)
  }
  console.log(`\nWritten to ${options.output}`)
})

/** Opens all subjects, then measures each in every round, so that a slow minute of the machine affects all of them. */
async function measureOperation(bench: Bench, { title, subjects }: Operation, rounds: number) {
  console.log(`\n${title}`)
  const measured: Pick<Results, 'results' | 'troubles'> = { results: [], troubles: [] }
  const open = new Map<string, Awaited<ReturnType<(typeof subjects)[number]['open']>>>()

  function addFigure(subject: string, figure: string, value: number) {
    const known = measured.results.find((one) => one.subject === subject && one.figure === figure)
    if (known) known.values.push(value)
    else measured.results.push({ operation: title, subject, figure, values: [value] })
  }

  function addTrouble(subject: string, description: string, leftOut: boolean) {
    measured.troubles.push({ operation: title, subject, description, leftOut })
    console.log(`  ${subject}: ${leftOut ? 'left out: ' : ''}${description}`)
  }

  try {
    for (const subject of subjects.filter(({ name }) => name.includes(options.subjects))) {
      try {
        open.set(subject.name, await subject.open(bench))
      } catch (fault) {
        addTrouble(subject.name, fault instanceof Error ? fault.message : String(fault), true)
      }
    }
    for (let round = 0; round < rounds; round++) {
      for (const [name, { measure }] of open) {
        const { figures, faults } = await measure().catch((fault: unknown) => ({
          figures: {},
          faults: [String(fault)],
        }))
        for (const [figure, value] of Object.entries(figures)) addFigure(name, figure, value)
        for (const fault of faults) addTrouble(name, fault, false)
      }
    }
  } finally {
    for (const { close } of open.values()) await close()
  }
  for (const { subject, figure, values } of measured.results) {
    console.log(`  ${subject.padEnd(56)} ${formatFigure(median(values)).padStart(8)} ${figure}`)
  }
  return measured
}

/** The results of earlier runs on this machine with these versions. Those of others cannot stand in the same table. */
async function readResults(machine: string): Promise<Results> {
  const none: Results = { machine, runs: {}, results: [], troubles: [] }
  const text = await readFile(join(options.output, 'results.json'), 'utf8').catch(() => null)
  const earlier: Results = text ? JSON.parse(text) : none
  return earlier.machine === machine ? earlier : none
}

/** In the order of the operations, since a run of some puts its results behind the others. */
async function writeResults(all: Results) {
  const titles = Object.values(OPERATIONS).map(({ title }) => title)
  all.results.sort((one, other) => titles.indexOf(one.operation) - titles.indexOf(other.operation))
  await mkdir(options.output, { recursive: true })
  await writeFile(join(options.output, 'results.md'), formatReport(all))
  await writeFile(join(options.output, 'results.json'), `${JSON.stringify(all, null, 2)}\n`)
  await writeFile(join(options.output, 'chart.svg'), drawChart(all.results))
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
