import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from './bench.ts'

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url))

/** The requests to send, and the properties of a right answer. */
export type Load = {
  requests: Request[]
  status: number
  /** Every body must contain it. */
  text: string
  /** A status that counts neither as an answer nor as a fault. */
  refusal?: number
  /** Each request may be sent only once. The load ends early when none is left. */
  once?: boolean
}

export type Request = { method: string; path: string; headers?: Record<string, string>; body?: unknown }

type Shape = { seconds: number; connections?: number; intervalMs?: number; limit?: number }
type Result = Record<'answers' | 'seconds' | 'wrong' | 'refused' | 'lost' | 'p50' | 'p95' | 'p99', number> & {
  example: string
}

let runs = 0

/** Sends a load with `wrk`, in a closed loop or at an interval on each connection, and counts wrong answers. */
export async function runWrk({ scratch }: Bench, url: string, load: Load, shape: Shape) {
  const {
    seconds,
    connections = 64,
    intervalMs,
    limit = load.once ? load.requests.length : undefined,
  } = shape
  const file = join(scratch, `requests-${++runs}`)
  await writeFile(file, load.requests.map((request) => formatRequest(new URL(url).host, request)).join('\0'))
  const flags = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', SCRIPT, url]
  const child = spawn('wrk', flags, {
    env: {
      ...process.env,
      REQUESTS: file,
      STATUS: String(load.status),
      TEXT: load.text,
      CONNECTIONS: String(connections),
      ...(load.refusal && { REFUSAL: String(load.refusal) }),
      ...(limit && { LIMIT: String(limit) }),
      ...(intervalMs && { INTERVAL_MS: String(intervalMs) }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
      if (output === 'SPENT\n' || output.endsWith('\nSPENT\n')) child.kill('SIGINT')
    })
  }
  await once(child, 'close')
  await rm(file)
  const [, json] = /^RESULT (.*)$/m.exec(output) ?? []
  if (!json) throw new Error(`wrk failed: ${output}`)
  const result = JSON.parse(json) as Result
  return {
    perSecond: (result.answers - result.wrong - result.refused) / result.seconds,
    latency: { p50: result.p50, p95: result.p95, p99: result.p99 },
    answers: result.answers,
    refused: result.refused,
    faults: listFaults(result),
  }
}

function listFaults({ wrong, lost, answers, example }: Result) {
  return [
    ...(wrong > 0 ? [`${wrong} of ${answers} answers were wrong, such as: ${example}`] : []),
    ...(lost > 0 ? [`${lost} connections or requests were lost`] : []),
    ...(answers === 0 ? ['no answers'] : []),
  ]
}

/** Formats the bytes of a request, because our script for `wrk` sends raw requests. */
export function formatRequest(host: string, { method, path, headers = {}, body }: Request) {
  const content = body === undefined ? '' : JSON.stringify(body)
  const all = {
    host,
    ...headers,
    ...(content && {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(content)),
    }),
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${content}`
}
