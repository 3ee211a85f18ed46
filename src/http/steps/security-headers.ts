import type { Step } from '../pipeline.ts'

/**
 * The headers of every answer (OWASP REST Security and HTTP Headers cheat sheets). They are set before the handler
 * runs, so that a page (GraphiQL) can replace the policy with its own.
 */
export function securityHeaders({ https }: { https: boolean }): Step {
  const headers = Object.entries({
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    ...(https && { 'Strict-Transport-Security': 'max-age=31536000; includeSubDomains' }),
  })
  return function securityHeaders(c, next) {
    for (const [name, value] of headers) c.header(name, value)
    return next(c)
  }
}
