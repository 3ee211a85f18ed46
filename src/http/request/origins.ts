import { isAddress, isLocal, withoutBrackets } from '../../settings/kinds/host.ts'
import { isListedOrigin } from '../../settings/kinds/origin.ts'
import type { RequestContext } from '../context.ts'
import { printable } from './header-text.ts'
import { MAX_HOST_CHARACTERS } from './path.ts'

type Options = {
  own: string
  /** As `ALLOWED_ORIGINS` has them. */
  allowed: string[]
  /** Whether pages that were loaded from an IP address of this machine are the server's own, as in development. */
  ownsAddresses?: boolean
}

export type Origins = ReturnType<typeof createOrigins>

/** Decides by the `Origin` header, which browsers set, whose page sends a request. */
export function createOrigins({ own, allowed, ownsAddresses = false }: Options) {
  const listed = new Set(allowed)
  const isForTrials = own.startsWith('http:') && !ownsAddresses

  return {
    isAllowed: (origin: string) => isListedOrigin(origin, listed),

    /**
     * Whether a page of this server shows that `PUBLIC_URL` is wrong: it is http on localhost, and the page is elsewhere.
     * The cookie would then be sent without https.
     */
    isMisplaced: (origin: string) => isForTrials && !isTrial(origin),

    /** @param host the `Host` header of the same request */
    isOwn(origin: string, host: string | undefined) {
      return origin === own || (ownsAddresses && origin === `http://${host}` && isAddressOf(origin))
    },
  }
}

/** Writes to the log why the browser of a page that was not listed reports an error. */
export function reportRefusedOrigin(c: RequestContext, { isMisplaced }: Origins) {
  const origin = c.header('origin')
  const isOwn = origin !== undefined && c.header('sec-fetch-site') === 'same-origin' && isMisplaced(origin)
  c.hint = {
    origin: printable(origin ?? `none, Sec-Fetch-Site: ${c.header('sec-fetch-site')}`),
    hint: isOwn
      ? 'This page is of this server: set PUBLIC_URL to its origin. It is http, which is for a try on this machine.'
      : 'If this origin is yours, list it in ALLOWED_ORIGINS.',
  }
}

/** Whether the host is an IP address. A page with a name could be another server's: any name can lead to this machine. */
const isAddressOf = (origin: string) => isAddress(withoutBrackets(URL.parse(origin)?.hostname ?? ''))

/** A host that is longer than any name is not decoded, which can take a tenth of a second. */
function isTrial(origin: string) {
  const url = origin.length <= MAX_HOST_CHARACTERS ? URL.parse(origin) : null
  return url?.protocol === 'http:' && isLocal(url.hostname)
}
