import { createMiddleware } from 'hono/factory'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

type Options = {
  /** Servauth's `PUBLIC_URL`. */
  issuer: string
  /** Its `ACCESS_TOKEN_AUDIENCE`, where that is set. */
  audience?: string
}

/**
 * Lets requests with a good access token of Servauth in (RFC 6750), without asking it: its keys are
 * fetched once and kept. A token is good here until it expires, also after its session ended.
 */
export function bearer({ issuer, audience = issuer }: Options) {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', issuer))
  const expected = {
    issuer,
    audience,
    algorithms: ['EdDSA'],
    typ: 'at+jwt',
    requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'sid'],
  }

  return createMiddleware<{ Variables: { userId: string } }>(async function bearer(c, next) {
    const [, token] = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? []
    if (!token) return c.json({ error: 'Sign in first.' }, 401, { 'WWW-Authenticate': 'Bearer' })
    try {
      const { payload } = await jwtVerify(token, keys, expected)
      c.set('userId', payload.sub ?? '')
    } catch (fault) {
      if (isOfTheToken(fault)) {
        const challenge = `Bearer error="invalid_token", error_description="${described(fault)}"`
        return c.json({ error: described(fault) }, 401, { 'WWW-Authenticate': challenge })
      }
      // The keys cannot be had at the moment, which is not the caller's fault and no reason to sign in again.
      return c.json({ error: 'Try again shortly.' }, 503, { 'Retry-After': '1' })
    }
    return next()
  })
}

const isOfTheToken = (fault: unknown) =>
  fault instanceof errors.JOSEError &&
  /^ERR_(JWT|JWS)_|ALG_NOT_ALLOWED|NOT_SUPPORTED|NO_MATCHING_KEY/.test(fault.code)

const described = (fault: unknown) =>
  fault instanceof errors.JWTExpired ? 'The access token has expired.' : 'The access token is not valid.'
