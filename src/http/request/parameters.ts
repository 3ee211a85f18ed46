import { invalid, invalidFields } from '../../errors.ts'
import type { RequestContext } from '../context.ts'
import { bodyOf } from './body.ts'
import { targetOf } from './path.ts'

/** The query as an object. @throws `INVALID_INPUT` for a parameter that is given twice */
export function readQuery(c: RequestContext) {
  const target = targetOf(c)
  const start = target.indexOf('?')
  return start === -1 ? {} : toObject(target.slice(start + 1))
}

/** The fields of a form as an object (RFC 6749, appendix B). @throws `INVALID_INPUT` for a field that is given twice */
export function readForm(c: RequestContext) {
  return toObject(bodyOf(c))
}

/** No input has nearly as many. To read all that fit into a request would take longer than all the rest of its work. */
const MAX_PARAMETERS = 100
/** What an answer repeats of a name. */
const MAX_NAME_CHARACTERS = 100

/**
 * Refuses a name that comes twice (RFC 6749, section 3.1): a proxy that checks a request may read the first value where
 * its server reads the last.
 */
function toObject(text: string): Record<string, string> {
  if (text.split('&', MAX_PARAMETERS + 1).length > MAX_PARAMETERS)
    throw invalid('', `There are more than ${MAX_PARAMETERS} parameters.`)
  const values = new Map<string, string>()
  const repeated = new Set<string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (values.has(name)) repeated.add(name.slice(0, MAX_NAME_CHARACTERS))
    values.set(name, value)
  }
  if (repeated.size > 0)
    throw invalidFields([...repeated].map((path) => ({ path, message: 'Is given more than once.' })))
  return Object.fromEntries(values)
}
