import { unescape as decode } from 'node:querystring'
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

/**
 * Name and key may be percent-encoded (RFC 6749, section 2.3.1). Some libraries encode even the `_` of a key. A plain key
 * contains no `%`.
 */
export function readBasic(authorization: string | undefined): PresentedKey | null {
  const [, encoded] = /^basic +(\S+)$/i.exec(authorization ?? '') ?? []
  if (!encoded) return null
  const text = Buffer.from(encoded, 'base64').toString()
  const end = text.indexOf(':')
  return end === -1 ? null : { name: decode(text.slice(0, end)), key: decode(text.slice(end + 1)) }
}
