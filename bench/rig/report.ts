import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { checkClaims } from './claims.ts'
import { formatFigure, median, type Results } from './results.ts'

type Conditions = { pinned: string; postgres: string }
type Sizes = Record<'seconds' | 'rounds' | 'connections' | 'requests', number>

/** Formats the results as Markdown: the machine, the claims, all figures and all faults. */
export function formatReport(results: Results, conditions: Conditions & Sizes) {
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
    `${describeMachine(conditions)}\n${describeSizes(conditions)}`,
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

export function describeMachine({ pinned, postgres }: Conditions) {
  const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const versions = Object.entries<string>(dependencies).map(([name, version]) => `${name} ${version}`)
  const [processor] = cpus()
  return [
    `- ${processor?.model ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}`,
    `- Bun ${process.versions.bun}, Node ${readVersion('node', '--version')} (Parse Server), PostgreSQL ${postgres}, ${readVersion('wrk', '--version')}`,
    `- ${versions.join(', ')}`,
    `- ${pinned}`,
    `- ${new Date().toISOString().slice(0, 10)}`,
  ].join('\n')
}

function describeSizes({ seconds, rounds, connections, requests }: Sizes) {
  return `- rounds: ${rounds}, of ${seconds} s each; many connections: ${connections}; memory after ${requests} requests`
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
