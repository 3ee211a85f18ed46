import type { BlockList } from 'node:net'
import type { Caller, Client, Identity, Presented, Viewer } from '../contract/caller.ts'
import { clientAddress } from './client-address.ts'
import type { AppContext } from './context.ts'
import type { Step } from './life.ts'
import type { createSessionCookie } from './session-cookie.ts'

type Options = {
  cookie: ReturnType<typeof createSessionCookie>
  trustedProxies: BlockList
  identify: (presented: Presented) => Promise<Identity | null>
  view: (presented: Presented) => Viewer | null | Promise<Viewer | null>
}

/** Reads who calls. Credentials are proven when first asked for, and once. */
export function caller(options: Options): Step {
  return function caller(c) {
    c.set('caller', new RequestCaller(c, options))
  }
}

class RequestCaller implements Caller {
  readonly bearer: string | null
  readonly cookie: string | null
  readonly #c: AppContext
  readonly #options: Options
  #identity: Promise<Identity | null> | undefined
  #viewer: Viewer | null | Promise<Viewer | null> | undefined

  constructor(c: AppContext, options: Options) {
    this.#c = c
    this.#options = options
    this.bearer = bearerOf(c)
    this.cookie = options.cookie.read(c)
  }

  get client() {
    return clientOf(this.#c, this.#options.trustedProxies)
  }

  identify() {
    this.#identity ??= this.#options.identify(this)
    return this.#identity
  }

  view() {
    this.#viewer ??= this.#options.view(this)
    return this.#viewer
  }

  keepSecret(secret: string) {
    this.#options.cookie.write(this.#c, secret)
  }

  forgetSecret() {
    this.#options.cookie.clear(this.#c)
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
