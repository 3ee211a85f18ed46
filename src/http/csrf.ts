import type { MiddlewareHandler } from 'hono'
import { AuthError } from '../errors.ts'
import { hasBody, isJson } from './body.ts'
import type { AppEnv } from './context.ts'
import { cookieValues } from './session-cookie.ts'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

type Options = { ownOrigin: string; allowedOrigins: string[]; cookieName: string }

/**
 * Refuses what a foreign page could make a browser send (OWASP CSRF Prevention Cheat Sheet:
 * Fetch Metadata first, `Origin` second). Without either header there is no browser, and a request
 * that carries our cookie must bear a content type that no page can send unasked.
 */
export function csrf({ ownOrigin, allowedOrigins, cookieName }: Options): MiddlewareHandler<AppEnv> {
  const trusted = new Set([ownOrigin, ...allowedOrigins])

  return async function csrf(c, next) {
    if (SAFE_METHODS.has(c.req.method)) return next()

    const site = c.req.header('sec-fetch-site')
    const origin = c.req.header('origin')
    if (site !== 'same-origin') {
      const refused =
        origin === undefined ? site === 'cross-site' || site === 'same-site' : !trusted.has(origin)
      if (refused) throw new AuthError('FORBIDDEN_ORIGIN')
    }
    if (hasBody(c) && !isJson(c)) throw new AuthError('UNSUPPORTED_MEDIA_TYPE')
    const fromBrowser = origin !== undefined || site === 'same-origin'
    if (!fromBrowser && !isJson(c) && cookieValues(c, cookieName).length > 0) {
      throw new AuthError('FORBIDDEN_ORIGIN')
    }
    return next()
  }
}
