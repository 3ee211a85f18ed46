/** Why a request is refused, with the codes and reasons of Servauth. */
type Details = {
  reason?: 'MISSING' | 'INVALID' | 'EXPIRED' | 'REVOKED'
  retryAfter?: number
  acr?: string
  maxAge?: number
}
type Code = 'UNAUTHENTICATED' | 'REAUTHENTICATION_REQUIRED' | 'SERVICE_UNAVAILABLE'

/** A refusal: what to answer over HTTP, and what a GraphQL error carries in its `extensions`. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: 401 | 503
  readonly code: Code
  readonly details: Details
  readonly headers: Record<string, string>

  constructor(
    code: Code,
    message: string,
    details: Details,
    headers: Record<string, string>,
    cause?: unknown,
  ) {
    super(message, { cause })
    this.status = code === 'SERVICE_UNAVAILABLE' ? 503 : 401
    this.code = code
    this.details = details
    this.headers = headers
  }

  /** Servers for GraphQL read these from an error of a resolver. */
  get extensions() {
    return { code: this.code, ...this.details }
  }

  /** The body of an HTTP answer: problem details (RFC 9457). */
  toJSON() {
    return { type: 'about:blank', title: this.message, status: this.status, code: this.code, ...this.details }
  }

  /** Hono answers with this by itself. Otherwise it would write each refusal of a route into the log, as a fault. */
  getResponse() {
    return new Response(JSON.stringify(this), {
      status: this.status,
      headers: { ...this.headers, 'content-type': 'application/problem+json' },
    })
  }
}

export const isRefusal = (fault: unknown): fault is Refusal => fault instanceof Refusal

/** RFC 6750, section 3. A request without a token gets the scheme and no error. */
export function unauthenticated(reason: NonNullable<Details['reason']>, cause?: unknown) {
  const message = {
    MISSING: 'Sign in first.',
    INVALID: 'The access token is not valid.',
    EXPIRED: 'The access token has expired.',
    REVOKED: 'The session has ended.',
  }[reason]
  const challenge =
    reason === 'MISSING' ? 'Bearer' : `Bearer error="invalid_token", error_description="${message}"`
  return new Refusal('UNAUTHENTICATED', message, { reason }, { 'WWW-Authenticate': challenge }, cause)
}

/** Whether the token is valid cannot be known now. The client must not sign in again for it. */
export function unavailable(cause?: unknown) {
  const message = 'The service is not available at the moment. Try again shortly.'
  return new Refusal('SERVICE_UNAVAILABLE', message, { retryAfter: 1 }, { 'Retry-After': '1' }, cause)
}

/** RFC 9470, section 3. */
export function insufficient({ acr, maxAge }: { acr?: string | undefined; maxAge?: number | undefined }) {
  const message = 'Sign in again to do this.'
  const challenge = [
    'Bearer error="insufficient_user_authentication"',
    `error_description="${message}"`,
    ...(acr === undefined ? [] : [`acr_values="${acr}"`]),
    ...(maxAge === undefined ? [] : [`max_age="${maxAge}"`]),
  ].join(', ')
  const details = { ...(acr !== undefined && { acr }), ...(maxAge !== undefined && { maxAge }) }
  return new Refusal('REAUTHENTICATION_REQUIRED', message, details, { 'WWW-Authenticate': challenge })
}
