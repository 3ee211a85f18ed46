import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Bench } from './rig/bench.ts'
import { describeMachine, formatTable, today } from './rig/report.ts'
import { formatFigure, median } from './rig/results.ts'
import { withBench } from './rig/with-bench.ts'
import { measureEnds } from './services/ends.ts'
import { measureFaults } from './services/faults.ts'
import {
  measureIntrospection,
  measureListeners,
  measureRefreshes,
  measureVerification,
} from './services/rates.ts'

/** Measures what other services feel: how soon a service refuses an ended session, in faults too, and what it costs. */
const { values: options } = parseArgs({
  options: {
    parts: { type: 'string', default: 'ends,faults,verification,listeners,introspection,refreshes' },
    ends: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    output: { type: 'string', default: fileURLToPath(new URL('results', import.meta.url)) },
  },
})

const ratio = (one: number, other: number) => (one / other).toFixed(2)

const PARTS: Record<string, (bench: Bench) => Promise<string[]>> = {
  async ends(bench) {
    const { lags, faults, answered } = await measureEnds(bench, Number(options.ends))
    const rows = [...lags].map(([name, values]) => {
      const sorted = values.toSorted((a, b) => a - b)
      const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? 0
      return [name, `${values.length}`, ...[median(values), p99, sorted.at(-1) ?? 0].map(formatMs)]
    })
    return [
      '## From the end of a session to the last 200',
      `A client asks a service 200 times a second (${answered} answers). Wanted: at most 500 ms, every time.`,
      formatTable(['end', 'times', 'median', 'p99', 'longest'], rows),
      describeFaults(faults),
    ]
  },
  async faults(bench) {
    const results = await measureFaults(bench, Number(options.rounds))
    return [
      '## The same during a fault',
      'Wanted: no 200 for the ended session later than 1,500 ms after its end, and only 200 and 503 for a live one.',
      formatTable(
        ['fault', 'last 200 after', 'live session', 'right again after'],
        results.map((one) => [one.name, formatMs(one.lastMs), one.statuses, formatMs(one.recoveredMs)]),
      ),
      describeFaults(results.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`))),
    ]
  },
  async verification(bench) {
    const rates = await measureVerification(bench)
    return [
      '## Verification in the service',
      formatTable(
        ['token', 'a second', 'of jwtVerify', 'wanted'],
        [
          ["jose's jwtVerify", formatFigure(rates.bare), '', ''],
          ['new', formatFigure(rates.new), ratio(rates.new, rates.bare), '0.85'],
          ['remembered', formatFigure(rates.remembered), ratio(rates.remembered, rates.bare), '20'],
        ],
      ),
    ]
  },
  async listeners(bench) {
    const { cores, medianMs, p99Ms, memoryMiB } = await measureListeners(bench)
    return [
      '## A thousand listeners',
      formatTable(
        ['figure', 'measured', 'wanted'],
        [
          ['processor time of the server, in cores', cores.toFixed(3), '0.1'],
          ['from the answer of a logout to a listener, median', formatMs(medianMs), ''],
          ['the same, p99', formatMs(p99Ms), '250 ms'],
          ['memory of the server', `${formatFigure(memoryMiB)} MiB`, ''],
        ],
      ),
    ]
  },
  async introspection(bench) {
    const { me, introspect } = await measureIntrospection(bench)
    return [
      '## Introspection',
      formatTable(
        ['request', 'a second', 'of me', 'wanted'],
        [
          ['GET /auth/me', formatFigure(me), '', ''],
          ['POST /auth/introspect', formatFigure(introspect), ratio(introspect, me), '0.7'],
        ],
      ),
    ]
  },
  async refreshes(bench) {
    const rates = await measureRefreshes(bench)
    const base = rates.EdDSA ?? Number.NaN
    const rows = Object.entries(rates).map(([alg, rate]) => [alg, formatFigure(rate), ratio(rate, base)])
    return ['## A refresh by algorithm', formatTable(['algorithm', 'a second', 'of EdDSA'], rows)]
  },
}

await withBench({ seconds: Number(options.seconds) }, async (bench) => {
  const sections: string[] = []
  for (const name of options.parts.split(',')) {
    const part = PARTS[name]
    if (!part) throw new Error(`There is no part "${name}". Choose from ${Object.keys(PARTS).join(', ')}`)
    console.log(name)
    const lines = await part(bench)
    console.log(`${lines.join('\n')}\n`)
    sections.push(...lines)
  }
  await mkdir(options.output, { recursive: true })
  const text = [
    '# Results for other services',
    `${describeMachine(bench)}\n- ${today()}`,
    ...sections,
    '',
  ].join('\n\n')
  await writeFile(join(options.output, 'services.md'), text)
})

function describeFaults(faults: string[]) {
  return faults.length === 0 ? 'No other answer.' : faults.map((fault) => `- ${fault}`).join('\n')
}

function formatMs(ms: number) {
  return `${Math.round(ms)} ms`
}
