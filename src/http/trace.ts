import type { MiddlewareHandler } from 'hono'
import type { Tracing } from '../observe/tracing.ts'
import type { AppEnv } from './context.ts'
import { doorOf, operationOf } from './operation.ts'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])

/** One span a request, with what the contract says of it: no path, no query, no address, nothing that was sent. */
export function trace({ request }: Tracing): MiddlewareHandler<AppEnv> {
  return function trace(c, next) {
    return request(c.req.header('traceparent'), async (traceId) => {
      c.set('traceId', traceId)
      await next()
      const operation = operationOf(c)
      const attributes = {
        'http.request.method': METHODS.has(c.req.method) ? c.req.method : '_OTHER',
        'http.response.status_code': c.res.status,
        'servauth.operation': operation,
        'servauth.door': doorOf(c),
        'servauth.code': c.get('code') ?? 'OK',
        'servauth.request_id': c.get('requestId'),
      }
      return { name: operation, attributes, isFault: c.get('fault') !== undefined || c.res.status >= 500 }
    })
  }
}
