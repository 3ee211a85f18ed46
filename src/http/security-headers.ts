import type { Step } from './life.ts'

/**
 * What every answer carries (OWASP REST Security and HTTP Headers cheat sheets). Set before the door is
 * reached, so that one that has a policy of its own (GraphiQL) may replace it.
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
  return function securityHeaders(c) {
    for (const [name, value] of headers) c.header(name, value)
  }
}
