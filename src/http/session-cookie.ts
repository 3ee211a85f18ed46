import { serialize } from 'hono/utils/cookie'
import type { AppContext } from './context.ts'

type Options = { https: boolean; maxAgeSeconds: number }

/**
 * The one cookie. With https its name begins with `__Host-`, which makes browsers insist on
 * Secure, Path=/ and no Domain (RFC 6265bis, section 4.1.3.2); http exists on localhost only.
 */
export function createSessionCookie({ https, maxAgeSeconds }: Options) {
  const name = https ? '__Host-servauth' : 'servauth'
  const attributes = { httpOnly: true, secure: https, sameSite: 'Lax', path: '/' } as const
  return {
    name,
    /** Null when there is none, and when there are two: a doubled cookie is no credential. */
    read(c: AppContext) {
      const [value, second] = cookieValues(c, name)
      return value !== undefined && second === undefined ? value : null
    },
    write(c: AppContext, secret: string) {
      c.header('Set-Cookie', serialize(name, secret, { ...attributes, maxAge: maxAgeSeconds }))
    },
    clear(c: AppContext) {
      if (cookieValues(c, name).length === 0) return
      c.header('Set-Cookie', serialize(name, '', { ...attributes, maxAge: 0 }))
      c.header('Clear-Site-Data', '"cookies"')
    },
  }
}

/** Every value sent under a name; a parser that keeps one of two would hide that there were two. */
export function cookieValues(c: AppContext, name: string) {
  const header = c.req.header('cookie')
  if (!header?.includes(name)) return []
  // Mostly it is the only one.
  const pairs = header.includes(';') ? header.split(';').map((pair) => pair.trim()) : [header.trim()]
  return pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1))
}
