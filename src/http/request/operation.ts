import { matchedRoutes } from 'hono/route'
import type { Endpoint } from '../../contract/operation.ts'
import type { AppContext } from '../context.ts'

/** The name for requests that are no operation of the contract: pages, preflights, unknown paths, invalid documents. */
export const OTHER = 'other'

type AdapterName = 'graphql' | 'rest'

/** The methods that change nothing (RFC 9110, section 9.2.1). */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * The method of the request about which a gateway asks: that of a header, or for Envoy that of the question too. An
 * unknown one may change something. A client can send the header that its gateway does not set, also the one by which
 * Envoy is known, so the method that changes something counts.
 */
export function methodOf(c: AppContext) {
  const headers = [c.req.header('x-forwarded-method'), c.req.header('x-original-method')]
  const named = headers.flatMap((method) => (method ? [method.toUpperCase()] : []))
  const methods = endpointOf(c)?.rest.isForGateways ? named : [c.req.method, ...named]
  return methods.find((method) => !SAFE_METHODS.has(method)) ?? methods[0] ?? 'POST'
}

/** Whether the route of a request also takes its body as a form. */
export function takesForm(c: AppContext) {
  return endpointOf(c)?.rest.takesForm === true
}

function endpointOf(c: AppContext) {
  return (matchedRoutes(c).at(-1)?.handler as { endpoint?: Endpoint } | undefined)?.endpoint
}

export function adapterOf(c: AppContext): AdapterName {
  return c.req.path === '/graphql' ? 'graphql' : 'rest'
}

/** The operation of a request, by its name in the contract: the same for both adapters, and never text of the client. */
export function operationOf(c: AppContext): string {
  const handler = matchedRoutes(c).at(-1)?.handler as { operationName?: string } | undefined
  return c.env.operation ?? handler?.operationName ?? OTHER
}
