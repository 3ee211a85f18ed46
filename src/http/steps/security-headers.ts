import type { Step } from '../pipeline.ts'

/**
 * The headers of every answer (OWASP REST Security and HTTP Headers cheat sheets). A page (GraphiQL) replaces the policy
 * with its own.
 */
export function securityHeaders({ https }: { https: boolean }): Step {
  const commonHeaders = new Headers({
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    // Of CORS, whose headers depend on it.
    Vary: 'Origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    ...(https && { 'Strict-Transport-Security': 'max-age=31536000; includeSubDomains' }),
  })
  return function securityHeaders(c, next) {
    c.commonHeaders = commonHeaders
    return next(c)
  }
}
