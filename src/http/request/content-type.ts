import { AuthError } from '../../errors.ts'
import type { AppContext } from '../context.ts'
import { stripBlanks } from './header-text.ts'

/** Whether the request has the content type `application/json`, with any parameters. */
export function isJson(c: AppContext) {
  return parse(c)[0] === 'application/json'
}

/** @throws `UNSUPPORTED_MEDIA_TYPE` unless the body is JSON in UTF-8. */
export function requireJson(c: AppContext) {
  if (c.req.header('content-type') === 'application/json') return
  const [type, ...parameters] = parse(c)
  if (type !== 'application/json') throw new AuthError('UNSUPPORTED_MEDIA_TYPE')
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=')
    if (stripBlanks(name) !== 'charset' || /^"?utf-?8"?$/.test(stripBlanks(value))) continue
    // RFC 8259, section 8.1: the exchange of JSON needs UTF-8.
    throw new AuthError('UNSUPPORTED_MEDIA_TYPE', { detail: 'Send the body with the charset UTF-8.' })
  }
}

/** The media type and its parameters, in lower case (RFC 9110, section 8.3.1). */
function parse(c: AppContext) {
  return (c.req.header('content-type') ?? '').toLowerCase().split(';').map(stripBlanks)
}

export function isForm(c: AppContext) {
  return parse(c)[0] === 'application/x-www-form-urlencoded'
}
