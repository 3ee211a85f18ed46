import { createRequestLines, type Logger } from '../observe/log.ts'
import type { AppContext } from './context.ts'

/**
 * One line a request: what was asked, how it ended and how long it took, never what was in it. `observe` is
 * told as well, where somebody watches.
 */
export function requestLog(log: Logger, observe?: (c: AppContext, ms: number) => void) {
  const write = createRequestLines(log)
  return (c: AppContext, ms: number, status: number) => {
    observe?.(c, ms)
    const code = c.get('code')
    const fault = c.get('fault')
    const line = {
      requestId: c.get('requestId'),
      method: c.req.method,
      path: pathOf(c.req.raw.url),
      status,
      ms: Math.round(ms),
      code,
      traceId: c.get('traceId'),
    }
    // Probes ask every few seconds, for ever.
    const probe = line.path === '/health' || line.path === '/ready'
    if (fault !== undefined) log.error({ ...line, err: fault }, 'request failed')
    else if (probe) log.debug(line, 'request')
    else write(line)
  }
}

/** What every path of ours looks like. */
const ORDINARY = /^[\w/.-]{1,39}$/

/** As it was sent: decoded it may hold anything. What may be a secret that somebody put there is left out. */
function pathOf(url: string) {
  const start = url.indexOf('/', 'https://'.length)
  const end = url.indexOf('?', start)
  const path = end === -1 ? url.slice(start) : url.slice(start, end)
  if (ORDINARY.test(path)) return path
  return path
    .slice(0, 200)
    .replaceAll(/[^\x21-\x7e]/g, '?')
    .replaceAll(/[\w.~-]{40,}/g, '***')
}
