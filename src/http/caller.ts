import type { BlockList } from 'node:net'
import type { MiddlewareHandler } from 'hono'
import type { Caller, Client, Identity, Presented, Viewer } from '../auth/caller.ts'
import { clientAddress } from './client-address.ts'
import type { AppContext, AppEnv } from './context.ts'
import type { createSessionCookie } from './session-cookie.ts'

type Options = {
  cookie: ReturnType<typeof createSessionCookie>
  trustedProxies: BlockList
  identify: (presented: Presented) => Promise<Identity | null>
  view: (presented: Presented) => Viewer | null | Promise<Viewer | null>
}

/** Reads who calls. Credentials are proven when first asked for, and once. */
export function caller({ cookie, trustedProxies, identify, view }: Options): MiddlewareHandler<AppEnv> {
  return function caller(c, next) {
    const presented = { bearer: bearerOf(c), cookie: cookie.read(c) }
    let identity: Promise<Identity | null> | undefined
    const current: Caller = {
      ...presented,
      get client() {
        return clientOf(c, trustedProxies)
      },
      identify: () => (identity ??= identify(presented)),
      view: () => view(presented),
      keepSecret: (secret) => cookie.write(c, secret),
      forgetSecret: () => cookie.clear(c),
    }
    c.set('caller', current)
    return next()
  }
}

export function clientOf(c: AppContext, trustedProxies: BlockList): Client {
  return {
    requestId: c.get('requestId'),
    ipAddress: clientAddress(c, trustedProxies),
    userAgent: userAgentOf(c),
  }
}

/** RFC 6750, section 2.1. Another scheme is not for us; an empty token is a bad one. */
function bearerOf(c: AppContext) {
  const header = c.req.header('authorization')
  if (header === undefined) return null
  // As nearly everybody writes it; a pattern over a whole token takes as long as looking it up.
  if (header.startsWith('Bearer ey')) return header.slice('Bearer '.length)
  const found = /^bearer(?:\s+(.*))?$/i.exec(header.trim())
  return found ? (found[1] ?? '') : null
}

/** At most 255 printable characters; anything else is left out. */
function userAgentOf(c: AppContext) {
  return (
    c.req
      .header('user-agent')
      ?.replaceAll(/[^\x20-\x7e]/g, '')
      .slice(0, 255) || null
  )
}
