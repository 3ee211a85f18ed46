import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import type { Bench } from './bench.ts'
import { checkClaims } from './claims.ts'
import { formatFigure, median, type Results } from './results.ts'

/** Formats the results as Markdown: the machine, the claims, all figures and all faults. */
export function formatReport(results: Results) {
  const claims = checkClaims(results)
  const figures = results.results.map(({ operation, subject, figure, values }) => [
    operation,
    subject,
    figure,
    formatFigure(median(values)),
    `${formatFigure(Math.min(...values))} to ${formatFigure(Math.max(...values))}`,
    countFaults(results, operation, subject),
  ])
  const troubleLines = results.troubles.map(({ operation, subject, description, leftOut }) => {
    return `- ${operation}, ${subject}${leftOut ? ' (left out)' : ''}: ${joinLines(description)}`
  })
  return [
    '# Results',
    `${results.machine}\n${describeRuns(results)}`,
    ...(claims.length > 0
      ? ['## Compared with its references', formatTable(['', 'median', 'rounds', 'wanted', 'holds'], claims)]
      : []),
    '## Every figure',
    formatTable(['operation', 'server', 'figure', 'median', 'rounds', 'faults'], figures),
    ...(troubleLines.length > 0 ? ['## Faults', troubleLines.join('\n')] : []),
    '',
  ].join('\n\n')
}

function countFaults({ troubles }: Results, operation: string, subject: string) {
  const count = troubles.filter((one) => one.operation === operation && one.subject === subject).length
  return count === 0 ? 'none' : `${count}, below`
}

/** The machine and the versions, without the day. */
export function describeMachine({ pinning, databases }: Pick<Bench, 'pinning' | 'databases'>) {
  const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const versions = Object.entries<string>(dependencies).map(([name, version]) => `${name} ${version}`)
  const [processor] = cpus()
  return [
    `- ${processor?.model ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}`,
    `- Bun ${process.versions.bun}, Node ${readVersion('node', '--version')} (Parse Server), PostgreSQL ${databases.version}, ${readVersion('wrk', '--version')}`,
    `- ${versions.join(', ')}`,
    `- ${pinning.description}`,
  ].join('\n')
}

/** How an operation is measured today. Operations with the same words belong to one run. */
export function describeRun({ seconds, connections, requests }: Bench, rounds: number) {
  return `${today()}, rounds: ${rounds}, of ${seconds} s each, ${connections} connections, ${requests} requests`
}

/** `2026-11-26` */
export const today = () => new Date().toISOString().slice(0, 10)

function describeRuns({ runs }: Results) {
  const operations = Map.groupBy(Object.keys(runs), (operation) => runs[operation])
  return [...operations].map(([run, names]) => `- ${run}: ${names.join('; ')}`).join('\n')
}

/** The first line of what a program prints about its version. Ignores the exit code, because wrk's is not 0. */
function readVersion(program: string, flag: string) {
  try {
    return joinLines(execFileSync('sh', ['-c', `${program} ${flag} 2>&1 | head -1`], { encoding: 'utf8' }))
      .replace(/ Copyright.*/, '')
      .replace(/^v/, '')
  } catch {
    return 'unknown'
  }
}

export function formatTable(head: string[], rows: string[][]) {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const joinLines = (text: string) => text.replaceAll(/\s+/g, ' ').trim()
