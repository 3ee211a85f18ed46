import { type Logger, pino } from 'pino'
import type { Env } from '../env.ts'
import { AuthError } from '../errors.ts'
import { LineBuffer } from './line-buffer.ts'

export type { Logger }

/** JSON lines, and in development lines for people to read. */
export async function createLog({
  LOG_LEVEL,
  NODE_ENV,
}: Pick<Env, 'LOG_LEVEL' | 'NODE_ENV'>): Promise<Logger> {
  const options = { level: LOG_LEVEL, base: null, serializers: { err: describe } }
  const format = NODE_ENV === 'development' ? await createFormat() : (line: string) => line
  const sink = Bun.stdout.writer({ highWaterMark: MAX_SINK_BYTES })
  const lines = new LineBuffer(sink, (dropped) => format(formatDropped(dropped)))
  process.once('exit', () => lines.flush())
  if (NODE_ENV !== 'development') return pino(options, lines)
  const write = (line: string) => {
    lines.write(format(line))
    lines.flush()
  }
  return pino(options, { write })
}

async function createFormat() {
  const { prettyFactory } = await import('pino-pretty')
  return prettyFactory({
    singleLine: true,
    ignore: `requestId,${ASKED}`,
    translateTime: 'HH:MM:ss',
    messageFormat: (line, key) => (line.status ? sentence(line) : String(line[key])),
  })
}

/** The sink writes only when it is flushed. */
const MAX_SINK_BYTES = 1024 * 1024

const formatDropped = (dropped: number) =>
  `{"level":40,"time":${Date.now()},"dropped":${dropped},"msg":"log lines were dropped, because the standard output was not read"}\n`

export type RequestLine = {
  requestId: string
  method: string
  path: string
  status: number
  ms: number
  code: string | undefined
  traceId: string | undefined
}

/**
 * Writes the same line for a request as pino, which would take a quarter of the time of a request. Method and path come
 * from the client, so they are escaped. The request id needs no escaping (`http/steps/request-id.ts`). The end of a line is
 * mostly that of the line before, and all characters are ASCII.
 */
export function createRequestLines(log: Logger): (line: RequestLine) => void {
  if (!log.isLevelEnabled('info')) return () => {}
  const lines = (log as unknown as Record<symbol, unknown>)[pino.symbols.streamSym]
  if (!(lines instanceof LineBuffer)) return (line) => log.info(line, 'request')
  let last: RequestLine | undefined
  let end = ''
  return (line) => {
    if (!last || !isSameEnd(line, last)) {
      last = line
      end = formatEnd(line)
    }
    const text = `{"level":30,"time":${Date.now()},"requestId":"${line.requestId}",${end}`
    lines.write(text, text.length)
  }
}

const isSameEnd = (one: RequestLine, other: RequestLine) =>
  one.path === other.path &&
  one.ms === other.ms &&
  one.status === other.status &&
  one.method === other.method &&
  one.code === other.code &&
  one.traceId === other.traceId

function formatEnd({ method, path, status, ms, code, traceId }: RequestLine) {
  const where = `"method":${JSON.stringify(method)},"path":${JSON.stringify(path)}`
  const more = (code ? `,"code":"${code}"` : '') + (traceId ? `,"traceId":"${traceId}"` : '')
  return `${where},"status":${status},"ms":${ms}${more},"msg":"request"}\n`
}

/** The values of a request line, which development shows as one sentence. */
const ASKED = 'method,path,status,ms,code'

function sentence({ method, path, status, code = '', ms }: Record<string, unknown>) {
  return `${method} ${path} ${status} ${code} ${ms} ms`.replace(/ {2,}/, ' ')
}

type Described = { type: string; message?: string; code?: string; stack?: string; cause?: Described }

/**
 * The part of a fault that may be logged. A message is left out if it may contain values: Drizzle's messages contain
 * the SQL with its parameters, and those of PostgreSQL's class 22 contain the value that did not fit.
 */
function describe(fault: unknown, depth = 0): Described {
  if (!(fault instanceof Error)) return { type: typeof fault }
  const { code } = fault as { code?: unknown }
  const ofDatabase = fault.name === 'PostgresError' && !String(code).startsWith('22')
  const own = fault instanceof AuthError || fault instanceof TypeError || ofDatabase
  return {
    type: fault.name,
    ...(typeof code === 'string' && { code }),
    ...(own && { message: fault.message.slice(0, 500) }),
    ...(fault.stack && { stack: frames(fault.stack) }),
    ...(fault.cause !== undefined && depth < 3 && { cause: describe(fault.cause, depth + 1) }),
  }
}

/** The frames of a stack. Its first lines are left out, because they repeat the message. */
function frames(stack: string) {
  const lines = stack.split('\n').filter((line) => /^\s+at /.test(line))
  return lines.slice(0, 12).join('\n')
}
