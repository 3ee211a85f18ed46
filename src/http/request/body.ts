import { invalid } from '../../errors.ts'
import { headersOf } from '../answer.ts'
import type { RequestContext } from '../context.ts'

/** For answers that do not depend on the body: if there is one, the connection ends with the answer. */
export function leaveBodyUnread(c: RequestContext) {
  const length = c.header('content-length')
  const hasBody = length === undefined ? c.header('transfer-encoding') !== undefined : length !== '0'
  if (hasBody) headersOf(c).set('Connection', 'close')
}

/** The body as text, empty if there is none. The steps that need it come after the step that reads it. */
export function bodyOf(c: RequestContext): string {
  const body = c.body
  if (body === undefined) throw new TypeError('The pipeline must read the body before this step')
  return body
}

/** The body as JSON, `undefined` when there is none. @throws `INVALID_INPUT` when it is not JSON. */
export function readJson(c: RequestContext): unknown {
  const body = bodyOf(c)
  if (body === '') return undefined
  try {
    return JSON.parse(body)
  } catch {
    throw invalid('', 'The body is not valid JSON.')
  }
}
