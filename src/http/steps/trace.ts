import type { Tracing } from '../../observe/tracing.ts'
import type { Step } from '../pipeline.ts'
import { adapterOf, operationOf } from '../request/operation.ts'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** One span for each request. It has names of the contract and the request id, but no path, query, address or input. */
export function trace({ request }: Tracing): Step {
  return function trace(c, next) {
    return request(c.header('traceparent'), async (traceId) => {
      c.traceId = traceId
      const response = await next(c)
      const operation = operationOf(c)
      const attributes = {
        'http.request.method': METHODS.has(c.method) ? c.method : '_OTHER',
        'http.response.status_code': response.status,
        'servauth.operation': operation,
        'servauth.door': adapterOf(c),
        'servauth.code': c.code ?? 'OK',
        'servauth.request_id': c.requestId,
      }
      const isFault = c.fault !== undefined || response.status >= 500
      return { result: response, answered: { name: operation, attributes, isFault } }
    })
  }
}
