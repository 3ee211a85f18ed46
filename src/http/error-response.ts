import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { AuthError, asAuthError } from '../errors.ts'
import type { AppContext } from './context.ts'
import { doorOf } from './operation.ts'

/**
 * Turns whatever a door threw into the form that this door's clients read: GraphQL errors, or
 * problem details (RFC 9457) for REST.
 */
export function errorResponse(fault: Error, c: AppContext) {
  const error = asAuthError(fault)
  note(c, error)
  const { status, message, extensions } = error
  const { allow } = error.details
  if (allow) c.header('Allow', allow.join(', '))

  if (doorOf(c) === 'graphql') {
    return c.json({ errors: [{ message, extensions }] }, status)
  }
  if (status === 401) c.header('WWW-Authenticate', 'Bearer')
  const problem = { type: 'about:blank', title: message, status, ...extensions }
  return c.body(JSON.stringify(problem), status as ContentfulStatusCode, {
    'Content-Type': 'application/problem+json',
  })
}

/** What goes with a refusal beside its body: when to come back, and what the request log says of it. */
export function note(c: AppContext, error: AuthError) {
  c.set('code', error.code)
  const { retryAfter } = error.details
  if (retryAfter !== undefined) c.header('Retry-After', String(retryAfter))
  if (error.status >= 500 && error.cause !== undefined) c.set('fault', error.cause)
}

/** Answers a path that nothing serves, or serves with other methods only. */
export function notFound(methodsOf: (path: string) => string[]) {
  return (c: AppContext) => {
    const allow = methodsOf(c.req.path)
    return errorResponse(
      allow.length > 0 ? new AuthError('METHOD_NOT_ALLOWED', { allow }) : new AuthError('NOT_FOUND'),
      c,
    )
  }
}
