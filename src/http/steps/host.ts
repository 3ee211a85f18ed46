import { invalid } from '../../errors.ts'
import type { Step } from '../pipeline.ts'
import { MAX_HOST_CHARACTERS } from '../request/path.ts'

/** The octets that a host may have (RFC 3986, section 3.2.2). Two `Host` lines arrive joined by a comma and a space. */
const POSSIBLE = /^[\w.~!$&'()*+,;=:%[\]-]*$/

/** Refuses a `Host` that is doubled, too long or impossible (RFC 9112, section 3.2). In production, it is used for nothing else. */
export const host: Step = (c, next) => {
  const given = c.header('host')
  if (given === undefined || (given.length <= MAX_HOST_CHARACTERS && POSSIBLE.test(given))) return next(c)
  const message = 'The Host header is not valid.'
  c.hint = { hint: message }
  throw invalid('', message)
}
