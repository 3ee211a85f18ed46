import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measureKeyChecks, measureSignIns, measureUsers, medianOf } from './administration/rates.ts'
import { openRig } from './administration/rig.ts'
import { describeMachine, formatTable, today } from './rig/report.ts'
import { formatFigure } from './rig/results.ts'
import { startServer } from './rig/server-process.ts'
import { withBench } from './rig/with-bench.ts'

/** Measures what administration costs: a page of a million users, roles and claims in tokens, and service keys. */
const { values: options } = parseArgs({
  options: {
    parts: { type: 'string', default: 'users,keys,sign-ins' },
    users: { type: 'string', default: '1000000' },
    turns: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '2' },
    output: { type: 'string', default: fileURLToPath(new URL('results', import.meta.url)) },
  },
})

/** What each part compares: a rate, its reference, and the least ratio that is wanted. */
const PARTS: Record<string, { measure: typeof measureUsers; comparisons: [string, string, number][] }> = {
  users: {
    measure: measureUsers,
    comparisons: [
      ['`users(first: 50)` by GraphQL', 'its statement alone', 0.5],
      ['`users(first: 50)` by REST', 'its statement alone', 0.5],
    ],
  },
  keys: {
    measure: measureKeyChecks,
    comparisons: [
      ['introspection with a key', '`me`', 0.7],
      ['`roles` with a key', '`me`', 0.7],
    ],
  },
  'sign-ins': {
    measure: measureSignIns,
    comparisons: [
      ['login with roles and claims', 'login', 0.97],
      ['refresh with roles and claims', 'refresh', 0.97],
    ],
  },
}

await withBench({ seconds: Number(options.seconds) }, async (bench) => {
  console.log(`${options.users} users: filling the database`)
  const rig = await openRig(bench, Number(options.users))
  const server = await startServer(bench, rig.server)
  const turns = Number(options.turns)
  const rows: string[][] = []
  for (const name of options.parts.split(',')) {
    const part = PARTS[name]
    if (!part) throw new Error(`There is no part "${name}". Choose from ${Object.keys(PARTS).join(', ')}`)
    const rates = await part.measure(bench, rig, server, turns)
    for (const [one, reference, wanted] of part.comparisons) {
      const figures = [one, reference].map((of) => formatFigure(medianOf(rates, 'perSecond', of)))
      const ratio = medianOf(rates, 'perSecond', one, reference)
      const byProcessor = medianOf(rates, 'byProcessor', one, reference)
      const ratios = [ratio.toFixed(2), byProcessor.toFixed(2), `${wanted}`, ratio >= wanted ? 'yes' : 'no']
      rows.push([one, reference, ...figures, ...ratios])
      console.log(rows.at(-1)?.join('  '))
    }
  }
  await server.stop()
  await rig.close()

  const text = [
    '# Results for administration',
    `${describeMachine(bench)}\n- ${today()}\n- ${options.users} users; ${turns} turns of ${options.seconds} s each, of logins five times as long, alternating; the ratio is the median of the turns`,
    formatTable(
      [
        'request',
        'reference',
        'a second',
        'of the reference',
        'ratio',
        'by processor time',
        'wanted',
        'holds',
      ],
      rows,
    ),
    '',
  ].join('\n\n')
  console.log(text)
  await mkdir(options.output, { recursive: true })
  await writeFile(join(options.output, 'administration.md'), text)
})
