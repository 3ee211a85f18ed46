import { type Logger, pino } from 'pino'
import type { Env } from '../env.ts'
import { AuthError } from '../errors.ts'
import { LineBuffer } from './line-buffer.ts'

export type { Logger }

/** JSON lines in production; readable lines when someone is watching. */
export async function createLog({
  LOG_LEVEL,
  NODE_ENV,
}: Pick<Env, 'LOG_LEVEL' | 'NODE_ENV'>): Promise<Logger> {
  const options = { level: LOG_LEVEL, base: null, serializers: { err: describe } }
  if (NODE_ENV !== 'development') {
    const destination = pino.destination({ sync: true })
    const lines = new LineBuffer(destination)
    process.once('exit', () => {
      lines.flush()
      // Its `flushSync` tries for ever where whoever read the lines is gone.
      destination.end()
    })
    return pino(options, lines)
  }
  const { default: pretty } = await import('pino-pretty')
  return pino(
    options,
    pretty({
      sync: true,
      singleLine: true,
      ignore: `requestId,${ASKED}`,
      translateTime: 'HH:MM:ss',
      messageFormat: (line, key) => (line.status ? sentence(line) : String(line[key])),
    }),
  )
}

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
 * Writes the line of an ordinary request as pino would, which takes it as long as a quarter of a request: by
 * hand where lines are JSON. Method and path are the client's words; so may be the request id, which has no
 * character that would have to be escaped (`http/request-id.ts`).
 */
export function createRequestLines(log: Logger): (line: RequestLine) => void {
  if (!log.isLevelEnabled('info')) return () => {}
  const lines = (log as unknown as Record<symbol, unknown>)[pino.symbols.streamSym]
  if (!(lines instanceof LineBuffer)) return (line) => log.info(line, 'request')
  return ({ requestId, method, path, status, ms, code, traceId }) => {
    const where = `"method":${JSON.stringify(method)},"path":${JSON.stringify(path)}`
    const more = (code ? `,"code":"${code}"` : '') + (traceId ? `,"traceId":"${traceId}"` : '')
    lines.write(
      `{"level":30,"time":${Date.now()},"requestId":"${requestId}",${where},"status":${status},"ms":${ms}${more},"msg":"request"}\n`,
    )
  }
}

/** What the request log says, as somebody who watches wants to read it. */
const ASKED = 'method,path,status,ms,code'

function sentence({ method, path, status, code = '', ms }: Record<string, unknown>) {
  return `${method} ${path} ${status} ${code} ${ms} ms`.replace(/ {2,}/, ' ')
}

type Described = { type: string; message?: string; code?: string; stack?: string; cause?: Described }

/**
 * What may be logged of a fault. Messages are left out where a library puts bound values into
 * them: Drizzle's hold the SQL with its parameters, PostgreSQL's of class 22 the value that did not fit.
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

/** The call sites of a stack without its first lines, which repeat the message. */
function frames(stack: string) {
  const lines = stack.split('\n').filter((line) => /^\s+at /.test(line))
  return lines.slice(0, 12).join('\n')
}
