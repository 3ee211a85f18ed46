import { AuthError } from '../../errors.ts'
import type { RequestContext } from '../context.ts'
import { stripBlanks } from './header-text.ts'

/** Whether the request has the content type `application/json`, with any parameters. */
export function isJson(c: RequestContext) {
  return mediaTypeOf(c) === 'application/json'
}

/** @throws `UNSUPPORTED_MEDIA_TYPE` unless the body is JSON in UTF-8. */
export function requireJson(c: RequestContext) {
  if (c.header('content-type') === 'application/json') return
  if (!isJson(c)) throw new AuthError('UNSUPPORTED_MEDIA_TYPE')
  for (const parameter of contentTypeOf(c).split(';').slice(1)) {
    const [name = '', value = ''] = parameter.split('=')
    if (stripBlanks(name) !== 'charset' || /^"?utf-?8"?$/.test(stripBlanks(value))) continue
    // RFC 8259, section 8.1: the exchange of JSON needs UTF-8.
    throw new AuthError('UNSUPPORTED_MEDIA_TYPE', { detail: 'Send the body with the charset UTF-8.' })
  }
}

export function isForm(c: RequestContext) {
  return mediaTypeOf(c) === 'application/x-www-form-urlencoded'
}

/** In lower case and without parameters (RFC 9110, section 8.3.1). */
function mediaTypeOf(c: RequestContext) {
  const text = contentTypeOf(c)
  const end = text.indexOf(';')
  return stripBlanks(end === -1 ? text : text.slice(0, end))
}

const contentTypeOf = (c: RequestContext) => c.header('content-type')?.toLowerCase() ?? ''
