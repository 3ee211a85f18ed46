import type { Step } from '../pipeline.ts'

/** The id of a request in logs and events: the `X-Request-Id` of the request if it is harmless, or a new one. */
export const requestId: Step = (c, next) => {
  const given = c.header('x-request-id')
  const id = given !== undefined && /^[\w=-]{1,64}$/.test(given) ? given : crypto.randomUUID()
  c.requestId = id
  return next(c)
}
