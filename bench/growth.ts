import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { startEmbeddedPostgres } from '../src/db/embedded.ts'
import { migrate } from '../src/db/migrate.ts'
import type { Bench } from './rig/bench.ts'
import { pin } from './rig/pinning.ts'
import { killAll, type Running, startServer } from './rig/process.ts'
import { machine, table } from './rig/report.ts'
import { median, shown } from './rig/results.ts'
import { emailOf, fillServauth, freshEmail, PASSWORD, SESSIONS_EACH } from './subjects/accounts.ts'
import { serverOn } from './subjects/servauth.ts'

/**
 * What each statement of the server costs with few users and with many. Nothing is retyped: the server itself runs, and
 * PostgreSQL (`auto_explain`) logs every statement with its plan, its buffers and its time.
 */
const { values: options } = parseArgs({
  options: {
    few: { type: 'string', default: '10000' },
    many: { type: 'string', default: '1000000' },
    times: { type: 'string', default: '200' },
    output: { type: 'string', default: fileURLToPath(new URL('results', import.meta.url)) },
  },
})
const MOST = 1.5
/** PostgreSQL chooses its plan for good at the sixth execution, on each of the connections. */
const WARM_UP = 30

type Plan = { 'Node Type': string; 'Index Name'?: string; 'Relation Name'?: string; Plans?: Plan[] } & Record<
  'Shared Hit Blocks' | 'Shared Read Blocks',
  number
>
type Cost = { ms: number[]; buffers: number[]; plans: Set<string> }

const scratch = await mkdtemp(join(tmpdir(), 'servauth-growth-'))
const embedded = await startEmbeddedPostgres(join(scratch, 'postgres'))
const admin = postgres(embedded.url, { max: 1, onnotice: () => {} })
const bench = { pinning: pin(), scratch } as Bench
try {
  const few = await costsWith(Number(options.few))
  const many = await costsWith(Number(options.many))
  await write(few, many)
} finally {
  killAll()
  await admin.end({ timeout: 1 })
  await embedded.stop()
  await rm(scratch, { recursive: true, force: true })
}
process.exit(0)

/** Runs the server on a database of its own with so many users, and reads from the log what its statements cost. */
async function costsWith(users: number) {
  const database = `growth_${users}`
  console.log(`${users} users, ${users * SESSIONS_EACH} sessions: filling`)
  await admin`create database ${admin(database)}`
  const url = new URL(embedded.url)
  url.pathname = `/${database}`
  await migrate(url.href)
  const sql = postgres(url.href, { max: 1, onnotice: () => {} })
  // Without its triggers and foreign keys a table takes millions of rows in minutes less.
  await sql`set session_replication_role = replica`
  await fillServauth(sql, users, SESSIONS_EACH)
  await sql`checkpoint`
  await sql.end()

  for (const setting of [
    "session_preload_libraries = 'auto_explain'",
    'auto_explain.log_min_duration = 0',
    'auto_explain.log_analyze = on',
    'auto_explain.log_buffers = on',
    'auto_explain.log_timing = off',
    'auto_explain.log_format = json',
  ]) {
    await admin.unsafe(`alter database ${database} set ${setting}`)
  }
  const log = join(embedded.folder, 'postgres.log')
  const server = await startServer(bench, serverOn(url.href, randomBytes(32).toString('base64url')))
  try {
    await exercise(server, WARM_UP, users)
    const { size } = await openStat(log)
    console.log(`${options.times} times each operation`)
    await exercise(server, Number(options.times), users)
    return read((await readFile(log)).subarray(size).toString())
  } finally {
    await server.stop()
    await admin`drop database ${admin(database)} with (force)`
  }
}

/** Every hot operation, each time by another user from anywhere in the table. */
async function exercise({ url }: Running, times: number, users: number) {
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
    const email = emailOf(1 + Math.floor(Math.random() * users))
    await call('POST', '/auth/register', { email: freshEmail(), password: PASSWORD, transport: 'TOKEN' })
    const signedIn = await call('POST', '/auth/login', { email, password: PASSWORD, transport: 'TOKEN' })
    const bearer = `Bearer ${signedIn.accessToken}`
    await call('GET', '/auth/me', undefined, bearer)
    await call('GET', '/auth/sessions', undefined, bearer)
    await call('GET', '/auth/events', undefined, bearer)
    const { accessToken } = await call('POST', '/auth/refresh', { refreshToken: signedIn.refreshToken })
    await call('POST', '/auth/logout', {}, `Bearer ${accessToken}`)
  }
}

async function openStat(path: string) {
  const file = await open(path)
  try {
    return await file.stat()
  } finally {
    await file.close()
  }
}

/** The statements of a log by their text. */
function read(log: string) {
  const costs = new Map<string, Cost>()
  for (const [, ms, json] of log.matchAll(/duration: ([\d.]+) ms {2}plan:\n((?:\t.*\n)+)/g)) {
    const { 'Query Text': text, Plan: plan } = JSON.parse(json ?? '') as { 'Query Text': string; Plan: Plan }
    const statement = text.replaceAll(/\s+/g, ' ').trim()
    // What the start and the housekeeping ask is not part of any request.
    if (!/"(sessions|users|events|mail_outbox)"/.test(statement)) continue
    const cost = costs.get(statement) ?? { ms: [], buffers: [], plans: new Set() }
    cost.ms.push(Number(ms))
    cost.buffers.push(plan['Shared Hit Blocks'] + plan['Shared Read Blocks'])
    cost.plans.add(scans(plan).join(', '))
    costs.set(statement, cost)
  }
  return costs
}

/** The tables that a plan reads, and how. */
function scans({
  'Node Type': type,
  'Index Name': index,
  'Relation Name': table,
  Plans = [],
}: Plan): string[] {
  const own = type.includes('Scan') && (index ?? table) ? [`${type} ${index ?? table}`] : []
  return [...own, ...Plans.flatMap(scans)]
}

/** Without the lists of columns, which are most of it. */
function abridged(statement: string) {
  return statement
    .replaceAll(/\bselect (?:(?!\bselect\b|\bfrom\b).)+ from /g, 'select … from ')
    .replaceAll(/ \((?:"\w+", )+"\w+"\) values \((?:[^()]|\([^()]*\))*\)/g, ' …')
    .replaceAll(/ returning .*?(?=$|\))/g, ' returning …')
    .replaceAll(/ set (?:(?! where ).)+ where /g, ' set … where ')
    .replaceAll('`', '')
    .slice(0, 400)
}

async function write(few: Map<string, Cost>, many: Map<string, Cost>) {
  const rows: string[][] = []
  for (const [statement, { ms, buffers, plans }] of many) {
    const before = few.get(statement)
    if (!before || ms.length < Number(options.times) / 2) continue
    const time = median(ms) / median(before.ms)
    const reads = median(buffers) / Math.max(1, median(before.buffers))
    const sequential = [...plans].some((plan) => plan.includes('Seq Scan'))
    rows.push([
      `\`${abridged(statement)}\``,
      [...plans].join('; ') || 'no scan',
      `${shown(median(before.buffers))} → ${shown(median(buffers))} (${shown(reads)})`,
      `${shown(median(before.ms))} → ${shown(median(ms))} (${shown(time)})`,
      sequential ? 'no: sequential' : time <= MOST ? 'yes' : 'no',
    ])
  }
  if (rows.length === 0) throw new Error('The log holds no statement that both sizes ran')
  const [version] = await admin`select current_setting('server_version') as version`
  const text = [
    '# Growth',
    `What the statements of register, login, me, sessions, events, refresh and logout cost with ${options.few} users and with ${options.many}, each with ${SESSIONS_EACH} sessions: medians of ${options.times} or more executions, without planning. A statement may cost at most ${MOST} times as much.`,
    machine({ pinned: bench.pinning.said, postgres: `${version?.version}, embedded` }),
    table(['statement', 'plan with many', 'buffers', 'ms', 'holds'], rows),
    '',
  ].join('\n\n')
  await mkdir(options.output, { recursive: true })
  await writeFile(join(options.output, 'growth.md'), text)
  console.log(text)
}
