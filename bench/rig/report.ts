import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { judge } from './judged.ts'
import { median, type Results, shown } from './results.ts'

type Circumstances = { pinned: string; postgres: string }
type Sizes = Record<'seconds' | 'rounds' | 'connections' | 'requests', number>

/** The results as Markdown: the machine, what Servauth is held to, every figure, and every fault. */
export function report(results: Results, circumstances: Circumstances & Sizes) {
  const judged = judge(results)
  const figures = results.results.map(({ operation, subject, figure, values }) => [
    operation,
    subject,
    figure,
    shown(median(values)),
    `${shown(Math.min(...values))} to ${shown(Math.max(...values))}`,
    faultsOf(results, operation, subject),
  ])
  const left = results.troubles.map(({ operation, subject, said, leftOut }) => {
    return `- ${operation}, ${subject}${leftOut ? ' (left out)' : ''}: ${oneLine(said)}`
  })
  return [
    '# Results',
    `${machine(circumstances)}\n${sizes(circumstances)}`,
    ...(judged.length > 0
      ? ['## Held against its references', table(['', 'median', 'rounds', 'wanted', 'holds'], judged)]
      : []),
    '## Every figure',
    table(['operation', 'server', 'figure', 'median', 'rounds', 'faults'], figures),
    ...(left.length > 0 ? ['## What was not right', left.join('\n')] : []),
    '',
  ].join('\n\n')
}

function faultsOf({ troubles }: Results, operation: string, subject: string) {
  const count = troubles.filter((one) => one.operation === operation && one.subject === subject).length
  return count === 0 ? 'none' : `${count}, below`
}

export function machine({ pinned, postgres }: Circumstances) {
  const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const versions = Object.entries<string>(dependencies).map(([name, version]) => `${name} ${version}`)
  const [processor] = cpus()
  return [
    `- ${processor?.model ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${release()}`,
    `- Bun ${process.versions.bun}, Node ${said('node', '--version')} (Parse Server), PostgreSQL ${postgres}, ${said('wrk', '--version')}`,
    `- ${versions.join(', ')}`,
    `- ${pinned}`,
    `- ${new Date().toISOString().slice(0, 10)}`,
  ].join('\n')
}

function sizes({ seconds, rounds, connections, requests }: Sizes) {
  return `- rounds: ${rounds}, of ${seconds} s each; many connections: ${connections}; memory after ${requests} requests`
}

/** The first line of what a program says of itself, whatever its exit code. */
function said(program: string, flag: string) {
  try {
    return oneLine(execFileSync('sh', ['-c', `${program} ${flag} 2>&1 | head -1`], { encoding: 'utf8' }))
      .replace(/ Copyright.*/, '')
      .replace(/^v/, '')
  } catch {
    return 'unknown'
  }
}

export function table(head: string[], rows: string[][]) {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').trim()
