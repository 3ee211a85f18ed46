import type { MiddlewareHandler } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import type { AppEnv } from './context.ts'

/** What every answer carries (OWASP REST Security and HTTP Headers cheat sheets). */
export function securityHeaders({ https }: { https: boolean }): MiddlewareHandler<AppEnv> {
  const common = secureHeaders({
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    strictTransportSecurity: https && 'max-age=31536000; includeSubDomains',
    xFrameOptions: 'DENY',
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    // A page that brings a policy of its own (GraphiQL) keeps it.
    overwrite: false,
  })
  return async function securityHeaders(c, next) {
    await common(c, next)
    if (!c.res.headers.has('Cache-Control')) c.res.headers.set('Cache-Control', 'no-store')
  }
}
