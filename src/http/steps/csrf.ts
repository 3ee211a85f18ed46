import { AuthError } from '../../errors.ts'
import type { RequestContext } from '../context.ts'
import type { Step } from '../pipeline.ts'
import { bodyOf } from '../request/body.ts'
import { isForm, isJson, requireJson } from '../request/content-type.ts'
import { cookieValues } from '../request/cookies.ts'
import { methodOf, SAFE_METHODS, takesForm } from '../request/operation.ts'
import { type Origins, reportRefusedOrigin } from '../request/origins.ts'
import { FORWARD_PATH } from '../request/path.ts'

type Options = {
  origins: Origins
  cookieName: string
  /** Called at each refusal; the answer does not wait for it. */
  onRefused: (c: RequestContext) => void
}

/**
 * Refuses a request that a foreign page can make a browser send (OWASP CSRF Prevention Cheat Sheet: Fetch Metadata
 * first, `Origin` second). A client without either header is no browser. If it sends our cookie, its request must have
 * a content type that no page can send without a preflight.
 */
export function csrf({ origins, cookieName, onRefused }: Options): Step {
  /** Decides by headers that browsers set and that pages cannot set. */
  function isForeign(c: RequestContext) {
    const site = c.header('sec-fetch-site')
    const origin = c.header('origin')
    if (site === 'same-origin') return origin !== undefined && origins.isMisplaced(origin)
    if (origin !== undefined) {
      return !origins.isOwn(origin, c.header('host')) && !origins.isAllowed(origin)
    }
    return site === 'cross-site' || site === 'same-site'
  }

  /** Neither header shows a page that may send our cookie. */
  function isUnproven(c: RequestContext) {
    const isKnown = c.header('sec-fetch-site') === 'same-origin' || c.header('origin') !== undefined
    return !isKnown && cookieValues(c, cookieName).length > 0
  }

  /** Whether the request that a gateway asks about changes nothing, or is not authenticated by the cookie. */
  function isHarmlessBehindGateway(c: RequestContext) {
    if (/^bearer /i.test(c.header('authorization') ?? '')) return true
    // A WebSocket begins with a GET, and the page can send anything afterwards (RFC 6455, section 10.2).
    return SAFE_METHODS.has(methodOf(c)) && c.header('sec-websocket-version') === undefined
  }

  function refuse(c: RequestContext): never {
    reportRefusedOrigin(c, origins)
    onRefused(c)
    throw new AuthError('FORBIDDEN_ORIGIN')
  }

  return function csrf(c, next) {
    // The path first, so that other requests do not look up their route.
    if (c.path.startsWith(FORWARD_PATH)) {
      if (isHarmlessBehindGateway(c)) return next(c)
      // Gateways know 401 and 403 as refusals, and take another status for a fault.
      return isForeign(c) || (!isJson(c) && isUnproven(c)) ? refuse(c) : next(c)
    }
    if (SAFE_METHODS.has(c.method)) return next(c)
    if (isForeign(c)) refuse(c)
    if (bodyOf(c) !== '') {
      // A route that takes a form reads no cookie, so a foreign page gains nothing by it.
      if (!(isForm(c) && takesForm(c))) requireJson(c)
    } else if (!isJson(c) && isUnproven(c)) {
      throw new AuthError('UNSUPPORTED_MEDIA_TYPE', {
        detail:
          'Send content-type: application/json, also without a body: the request has a cookie and no Origin.',
      })
    }
    return next(c)
  }
}
