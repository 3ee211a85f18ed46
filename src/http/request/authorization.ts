import type { PresentedKey } from '../../contract/service-key.ts'

/** RFC 6750, section 2.1. Another scheme is ignored; an empty token is an invalid one. */
export function readBearer(authorization: string | undefined) {
  if (authorization === undefined) return null
  // Fast path for the usual spelling: a pattern over a whole token takes as long as the look-up of the token.
  if (USUAL_BEARER.test(authorization)) return authorization.slice('Bearer '.length)
  const found = /^bearer(?:[ \t]+(.*))?$/i.exec(authorization)
  return found ? (found[1] ?? '') : null
}

const USUAL_BEARER = /^Bearer [^ \t]/

/** RFC 7617. Names and keys need no percent-encoding. */
export function readBasic(authorization: string | undefined): PresentedKey | null {
  const [, encoded] = /^basic +(\S+)$/i.exec(authorization ?? '') ?? []
  if (!encoded) return null
  const text = Buffer.from(encoded, 'base64').toString()
  const end = text.indexOf(':')
  return end === -1 ? null : { name: text.slice(0, end), key: text.slice(end + 1) }
}
