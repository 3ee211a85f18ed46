import { AuthError, asAuthError } from '../errors.ts'
import { answer, headersOf } from './answer.ts'
import type { RequestContext } from './context.ts'
import { graphqlContentType } from './request/accept.ts'
import { adapterOf, takesForm } from './request/operation.ts'

const UNLISTED_PROXY =
  'A proxy that TRUSTED_PROXIES does not list forwards this, so all its clients count as one.'
const SILENT_PROXY = 'A proxy forwards this without X-Forwarded-For, so all its clients count as one.'
const OTHER_SITE =
  'The page is of another site, to which its browser sends no cookie: it needs the transport TOKEN.'

/** An error in the form that the clients of the adapter read: GraphQL errors, or problem details (RFC 9457) for REST. */
export function errorResponse(fault: unknown, c: RequestContext) {
  const error = asAuthError(fault)
  reportError(c, error)
  const { status, title, message, extensions } = error
  const { allow, detail } = error.details
  if (allow) headersOf(c).set('Allow', allow.join(', '))

  if (adapterOf(c) === 'graphql') {
    return answer(c, JSON.stringify({ errors: [{ message, extensions }] }), status, graphqlContentType(c))
  }
  if (status === 401) headersOf(c).set('WWW-Authenticate', challengeOf(c))
  const problem = { type: 'about:blank', title, status, detail, ...extensions }
  return answer(c, JSON.stringify(problem), status, 'application/problem+json')
}

/**
 * The scheme of the credentials that were refused (RFC 6749, section 5.2). Only the endpoints of OAuth have Basic: elsewhere
 * it may be for a proxy on the way, and a browser would ask its user for a password.
 */
function challengeOf(c: RequestContext) {
  const isBasic = takesForm(c) && /^basic /i.test(c.header('authorization') ?? '')
  return isBasic ? 'Basic realm="Servauth"' : 'Bearer'
}

/** Sets the `Retry-After` header of an error, and its code and cause for the log. */
export function reportError(c: RequestContext, error: AuthError) {
  c.code = error.code
  const hint = findHint(c, error)
  if (hint && !c.hint) c.hint = { hint }
  const { retryAfter } = error.details
  if (retryAfter !== undefined) headersOf(c).set('Retry-After', String(retryAfter))
  if (error.status >= 500 && error.cause !== undefined) c.fault = error.cause
}

function findHint(c: RequestContext, { code, details }: AuthError) {
  if (code === 'TOO_MANY_REQUESTS') return findProxyFault(c)
  const isWithoutCookie = code === 'UNAUTHENTICATED' && details.reason === 'MISSING'
  return isWithoutCookie && c.header('sec-fetch-site') === 'cross-site' ? OTHER_SITE : undefined
}

function findProxyFault(c: RequestContext) {
  if (c.probableProxy === 'UNLISTED') return UNLISTED_PROXY
  const isUnnamed = c.header('x-forwarded-for') === undefined
  const hasOther = c.header('x-real-ip') !== undefined || c.header('forwarded') !== undefined
  return c.probableProxy === 'LISTED' || (isUnnamed && hasOther) ? SILENT_PROXY : undefined
}

/** Answers a path without a route, or with routes for other methods only. */
export function notFound(methodsOf: (path: string) => string[]) {
  return (c: RequestContext) => {
    const allow = methodsOf(c.path)
    throw allow.length > 0 ? new AuthError('METHOD_NOT_ALLOWED', { allow }) : new AuthError('NOT_FOUND')
  }
}
