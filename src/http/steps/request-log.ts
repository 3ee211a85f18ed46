import type { Logger } from '../../observe/log.ts'
import { createRequestLines } from '../../observe/request-lines.ts'
import type { ObserveRequest } from '../../observe/request-metrics.ts'
import type { RequestContext } from '../context.ts'
import type { Step } from '../pipeline.ts'
import { adapterOf, operationOf } from '../request/operation.ts'
import { targetOf } from '../request/path.ts'

/** Writes one line for each request: its path, its result and its duration, never its content. */
export function requestLog(log: Logger, observe?: ObserveRequest): Step {
  const write = createRequestLines(log)

  function report(c: RequestContext, began: number, status: number) {
    const ms = performance.now() - began
    const code = c.code
    observe?.({ operation: operationOf(c), adapter: adapterOf(c), code: code ?? 'OK' }, ms)
    const fault = c.fault
    const hint = c.hint
    const line = {
      requestId: c.requestId,
      method: c.method,
      path: maskedPathOf(c),
      status,
      ms: Math.round(ms),
      code,
      traceId: c.traceId,
    }
    // Probes arrive every few seconds, as long as the server runs.
    const probe = line.path === '/health' || line.path === '/ready'
    if (fault !== undefined) log.error({ ...line, err: fault }, 'request failed')
    else if (hint) log.info({ ...line, ...hint }, 'request')
    else if (probe) log.debug(line, 'request')
    else write(line)
  }

  function end(c: RequestContext, began: number, response: Response) {
    try {
      report(c, began, response.status)
    } catch {
      // A full disk must not turn finished work into an error.
    }
    return response
  }

  return function requestLog(c, next) {
    const began = performance.now()
    const answer = next(c)
    return answer instanceof Promise
      ? answer.then((response) => end(c, began, response))
      : end(c, began, answer)
  }
}

/** Matches every path of the server. */
const ORDINARY = /^[\w/.-]{1,39}$/

/**
 * The path as the client sent it, because a decoded path may contain any character. Words as long as a UUID are masked:
 * they may be secrets, or name what a client has begun.
 */
function maskedPathOf(c: RequestContext) {
  const target = targetOf(c)
  const end = target.indexOf('?')
  const path = end === -1 ? target : target.slice(0, end)
  if (ORDINARY.test(path)) return path
  return path
    .slice(0, 200)
    .replaceAll(/[^\x21-\x7e]/g, '?')
    .replaceAll(/[\w.~-]{36,}/g, '***')
}
