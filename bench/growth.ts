import { randomBytes } from 'node:crypto'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { migrate } from '../src/db/migrate.ts'
import type { Bench } from './rig/bench.ts'
import { describeMachine, formatTable, today } from './rig/report.ts'
import { formatFigure, median } from './rig/results.ts'
import { type RunningServer, startServer } from './rig/server-process.ts'
import { withBench } from './rig/with-bench.ts'
import { createEmail, fillServauth, formatEmail, PASSWORD, SESSIONS_EACH } from './subjects/accounts.ts'
import { createServerCommand } from './subjects/servauth.ts'

/**
 * Measures the cost of each SQL statement of the server with few users and with many. The server really runs, and
 * PostgreSQL (`auto_explain`) logs each statement with its plan, buffers and time.
 */
const { values: options } = parseArgs({
  options: {
    few: { type: 'string', default: '10000' },
    many: { type: 'string', default: '1000000' },
    times: { type: 'string', default: '200' },
    output: { type: 'string', default: fileURLToPath(new URL('results', import.meta.url)) },
  },
})
const MAX_TIME_RATIO = 1.5
/** On each connection, PostgreSQL settles on a plan at the sixth execution of a statement. */
const WARM_UP_ROUNDS = 30

type Plan = { 'Node Type': string; 'Index Name'?: string; 'Relation Name'?: string; Plans?: Plan[] } & Record<
  'Shared Hit Blocks' | 'Shared Read Blocks',
  number
>
type Cost = { ms: number[]; buffers: number[]; plans: Set<string> }

await withBench({ seconds: 0 }, async (bench) => {
  const few = await measureCosts(bench, Number(options.few))
  const many = await measureCosts(bench, Number(options.many))
  await writeReport(bench, few, many)
})

/** Runs the server on a new database with this many users, and reads the costs of its statements from the log. */
async function measureCosts(bench: Bench, users: number) {
  const { log } = bench.databases
  if (!log)
    throw new Error('DATABASE_URL is set, but only the embedded PostgreSQL has a log that can be read')
  console.log(`${users} users, ${users * SESSIONS_EACH} sessions: filling the database`)
  const url = await bench.databases.create(`growth_${users}`)
  await migrate({ DATABASE_URL: url })
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  // Inserts millions of rows minutes faster, because it skips triggers and foreign keys.
  await sql`set session_replication_role = replica`
  await fillServauth(sql, users, SESSIONS_EACH)
  await sql`checkpoint`
  for (const setting of [
    "session_preload_libraries = 'auto_explain'",
    'auto_explain.log_min_duration = 0',
    'auto_explain.log_analyze = on',
    'auto_explain.log_buffers = on',
    'auto_explain.log_timing = off',
    'auto_explain.log_format = json',
  ]) {
    await sql.unsafe(`alter database ${new URL(url).pathname.slice(1)} set ${setting}`)
  }
  await sql.end()
  const server = await startServer(bench, createServerCommand(url, randomBytes(32).toString('base64url')))
  try {
    await runOperations(server, WARM_UP_ROUNDS, users)
    const warmUpBytes = (await stat(log)).size
    console.log(`running each operation ${options.times} times`)
    await runOperations(server, Number(options.times), users)
    return parseLog((await readFile(log)).subarray(warmUpBytes).toString())
  } finally {
    await server.stop()
  }
}

/** Runs all frequent operations, each round with a random user. */
async function runOperations({ url }: RunningServer, times: number, users: number) {
  const call = async (method: string, path: string, body?: unknown, authorization = '') => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(authorization && { authorization }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return (text && JSON.parse(text)) as { accessToken: string; refreshToken: string }
  }
  for (let time = 0; time < times; time++) {
    const email = formatEmail(1 + Math.floor(Math.random() * users))
    await call('POST', '/auth/register', { email: createEmail(), password: PASSWORD, transport: 'TOKEN' })
    const signedIn = await call('POST', '/auth/login', { email, password: PASSWORD, transport: 'TOKEN' })
    const bearer = `Bearer ${signedIn.accessToken}`
    await call('GET', '/auth/me', undefined, bearer)
    await call('GET', '/auth/sessions', undefined, bearer)
    await call('GET', '/auth/events', undefined, bearer)
    const { accessToken } = await call('POST', '/auth/refresh', { refreshToken: signedIn.refreshToken })
    await call('POST', '/auth/logout', {}, `Bearer ${accessToken}`)
  }
}

/** Collects the costs of each statement in a log. */
function parseLog(log: string) {
  const costs = new Map<string, Cost>()
  for (const [, ms, json] of log.matchAll(/duration: ([\d.]+) ms {2}plan:\n((?:\t.*\n)+)/g)) {
    const { 'Query Text': text, Plan: plan } = JSON.parse(json ?? '') as { 'Query Text': string; Plan: Plan }
    const statement = text.replaceAll(/\s+/g, ' ').trim()
    // Leaves out statements of the start and of housekeeping, which belong to no request.
    if (!/"(sessions|users|events|mail_outbox)"/.test(statement)) continue
    const cost = costs.get(statement) ?? { ms: [], buffers: [], plans: new Set() }
    cost.ms.push(Number(ms))
    cost.buffers.push(plan['Shared Hit Blocks'] + plan['Shared Read Blocks'])
    cost.plans.add(listScans(plan).join(', '))
    costs.set(statement, cost)
  }
  return costs
}

/** The scans of a plan, each with its table or index. */
function listScans({
  'Node Type': type,
  'Index Name': index,
  'Relation Name': table,
  Plans = [],
}: Plan): string[] {
  const own = type.includes('Scan') && (index ?? table) ? [`${type} ${index ?? table}`] : []
  return [...own, ...Plans.flatMap(listScans)]
}

/** Removes the lists of columns, which are most of a statement. */
function shortenStatement(statement: string) {
  return statement
    .replaceAll(/\bselect (?:(?!\bselect\b|\bfrom\b).)+ from /g, 'select … from ')
    .replaceAll(/ \((?:"\w+", )+"\w+"\) values \((?:[^()]|\([^()]*\))*\)/g, ' …')
    .replaceAll(/ returning .*?(?=$|\))/g, ' returning …')
    .replaceAll(/ set (?:(?! where ).)+ where /g, ' set … where ')
    .replaceAll('`', '')
    .slice(0, 400)
}

async function writeReport(bench: Bench, few: Map<string, Cost>, many: Map<string, Cost>) {
  const rows: string[][] = []
  for (const [statement, { ms, buffers, plans }] of many) {
    const before = few.get(statement)
    if (!before || ms.length < Number(options.times) / 2) continue
    const time = median(ms) / median(before.ms)
    const reads = median(buffers) / Math.max(1, median(before.buffers))
    const sequential = [...plans].some((plan) => plan.includes('Seq Scan'))
    rows.push([
      `\`${shortenStatement(statement)}\``,
      [...plans].join('; ') || 'no scan',
      `${formatFigure(median(before.buffers))} → ${formatFigure(median(buffers))} (${formatFigure(reads)})`,
      `${formatFigure(median(before.ms))} → ${formatFigure(median(ms))} (${formatFigure(time)})`,
      sequential ? 'no: sequential' : time <= MAX_TIME_RATIO ? 'yes' : 'no',
    ])
  }
  if (rows.length === 0) throw new Error('The log contains no statement that ran with both sizes')
  const text = [
    '# Growth',
    `What the statements of register, login, me, sessions, events, refresh and logout cost with ${options.few} users and with ${options.many}, each with ${SESSIONS_EACH} sessions: medians of ${options.times} or more executions, without planning. A statement may cost at most ${MAX_TIME_RATIO} times as much.`,
    `${describeMachine(bench)}\n- ${today()}`,
    formatTable(['statement', 'plan with many', 'buffers', 'ms', 'holds'], rows),
    '',
  ].join('\n\n')
  await mkdir(options.output, { recursive: true })
  await writeFile(join(options.output, 'growth.md'), text)
  console.log(text)
}
