import type { Client } from '../../contract/caller.ts'
import type { Network } from '../../settings/kinds/network.ts'
import type { RequestContext } from '../context.ts'
import { preferredLanguages } from './accept.ts'
import { clientAddress } from './client-address.ts'
import type { Cookies } from './cookies.ts'

export type ClientOptions = { cookies: Cookies; trustedProxies: Network[] }

/** Whose request it is, as events and rate limits name it. */
export function clientOf(c: RequestContext, { cookies, trustedProxies }: ClientOptions): Client {
  return {
    requestId: c.requestId,
    ipAddress: clientAddress(c, trustedProxies),
    userAgent: userAgentOf(c),
    device: cookies.readDevice(c),
    // Few operations read it.
    get languages() {
      return preferredLanguages(c)
    },
  }
}

/** At most 255 printable ASCII characters; others are left out. */
function userAgentOf(c: RequestContext) {
  return (
    c
      .header('user-agent')
      ?.replaceAll(/[^\x20-\x7e]/g, '')
      .slice(0, 255) || null
  )
}
