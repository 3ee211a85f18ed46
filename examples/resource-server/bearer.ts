import { createMiddleware } from 'hono/factory'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

type Options = {
  /** The `PUBLIC_URL` of Servauth. */
  issuer: string
  /** The `ACCESS_TOKEN_AUDIENCE` of Servauth, if it is set. */
  audience?: string
}

/**
 * Accepts requests with a valid access token of Servauth (RFC 6750). It fetches the public keys once and does not ask
 * Servauth about a token, so a token is valid here until it expires, even after its session has ended.
 */
export function requireBearer({ issuer, audience = issuer }: Options) {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', issuer))
  const expected = {
    issuer,
    audience,
    algorithms: ['ES256', 'RS256', 'EdDSA'],
    typ: 'at+jwt',
    requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'sid'],
  }

  return createMiddleware<{ Variables: { userId: string } }>(async function requireBearer(c, next) {
    const [, token] = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? []
    if (!token) return c.json({ error: 'Sign in first.' }, 401, { 'WWW-Authenticate': 'Bearer' })
    try {
      const { payload } = await jwtVerify(token, keys, expected)
      c.set('userId', payload.sub ?? '')
    } catch (fault) {
      if (isTokenError(fault)) {
        const description = describeTokenError(fault)
        const challenge = `Bearer error="invalid_token", error_description="${description}"`
        return c.json({ error: description }, 401, { 'WWW-Authenticate': challenge })
      }
      // The keys cannot be fetched now. That is not the fault of the client, which must not sign in again for it.
      return c.json({ error: 'Try again shortly.' }, 503, { 'Retry-After': '1' })
    }
    return next()
  })
}

const isTokenError = (fault: unknown) =>
  fault instanceof errors.JOSEError &&
  /^ERR_(JWT|JWS)_|ALG_NOT_ALLOWED|NOT_SUPPORTED|MATCHING_KEY/.test(fault.code)

const describeTokenError = (fault: unknown) =>
  fault instanceof errors.JWTExpired ? 'The access token has expired.' : 'The access token is not valid.'
