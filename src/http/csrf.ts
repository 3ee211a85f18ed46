import { AuthError } from '../errors.ts'
import { isJson } from './body.ts'
import type { AppContext } from './context.ts'
import type { Step } from './life.ts'
import { cookieValues } from './session-cookie.ts'

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

type Options = {
  ownOrigin: string
  allowedOrigins: string[]
  cookieName: string
  /** Told of each refusal, which does not wait for it. */
  onRefused: (c: AppContext) => void
}

/**
 * Refuses what a foreign page could make a browser send (OWASP CSRF Prevention Cheat Sheet:
 * Fetch Metadata first, `Origin` second). Without either header there is no browser, and a request
 * that carries our cookie must bear a content type that no page can send unasked.
 */
export function csrf({ ownOrigin, allowedOrigins, cookieName, onRefused }: Options): Step {
  const trusted = new Set([ownOrigin, ...allowedOrigins])

  /** Decided by headers that browsers set and pages cannot. */
  function isForeign(c: AppContext) {
    const site = c.req.header('sec-fetch-site')
    const origin = c.req.header('origin')
    if (site === 'same-origin') return false
    if (origin !== undefined) return !trusted.has(origin)
    if (site === 'cross-site' || site === 'same-site') return true
    return c.get('body') === '' && !isJson(c) && cookieValues(c, cookieName).length > 0
  }

  return function csrf(c) {
    if (SAFE_METHODS.has(c.req.method)) return
    if (isForeign(c)) {
      onRefused(c)
      throw new AuthError('FORBIDDEN_ORIGIN')
    }
    if (c.get('body') !== '' && !isJson(c)) throw new AuthError('UNSUPPORTED_MEDIA_TYPE')
  }
}
