import { type Logger, pino } from 'pino'
import type { Env } from '../env.ts'
import { describeFault } from './fault-description.ts'
import { LineBuffer } from './line-buffer.ts'

export type { Logger }

/** JSON lines, and in development lines for people to read. */
export async function createLog({
  LOG_LEVEL,
  NODE_ENV,
}: Pick<Env, 'LOG_LEVEL' | 'NODE_ENV'>): Promise<Logger> {
  const options = { level: LOG_LEVEL, base: null, serializers: { err: describeFault } }
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
    ignore: `requestId,${REQUEST_VALUES}`,
    translateTime: 'HH:MM:ss',
    messageFormat: (line, key) => (line.status ? sentence(line) : String(line[key])),
  })
}

/** The sink writes only when it is flushed. */
const MAX_SINK_BYTES = 1024 * 1024

const formatDropped = (dropped: number) =>
  `{"level":40,"time":${Date.now()},"dropped":${dropped},"msg":"log lines were dropped, because the standard output was not read"}\n`

/** The values of a request line, which development shows as one sentence. */
const REQUEST_VALUES = 'method,path,status,ms,code'

function sentence({ method, path, status, code = '', ms }: Record<string, unknown>) {
  return `${method} ${path} ${status} ${code} ${ms} ms`.replace(/ {2,}/, ' ')
}
