import type { RequestContext } from '../context.ts'

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
export function methodOf(c: RequestContext) {
  const headers = [c.header('x-forwarded-method'), c.header('x-original-method')]
  const named = headers.flatMap((method) => (method ? [method.toUpperCase()] : []))
  const methods = c.route?.endpoint?.rest.isForGateways ? named : [c.method, ...named]
  return methods.find((method) => !SAFE_METHODS.has(method)) ?? methods[0] ?? 'POST'
}

/** Whether the route of a request also takes its body as a form. */
export function takesForm(c: RequestContext) {
  return c.route?.endpoint?.rest.takesForm === true
}

export function adapterOf(c: RequestContext): AdapterName {
  return c.path === '/graphql' ? 'graphql' : 'rest'
}

/** The operation of a request, by its name in the contract: the same for both adapters, and never text of the client. */
export function operationOf(c: RequestContext): string {
  return c.operation ?? c.route?.operationName ?? OTHER
}
