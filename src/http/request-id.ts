import type { Step } from './pipeline.ts'

/** The name of a request in logs and events: the one that a proxy gave it if it is harmless, otherwise a new one. */
export const requestId: Step = (c, next) => {
  const given = c.req.header('x-request-id')
  const id = given !== undefined && /^[\w=-]{1,64}$/.test(given) ? given : crypto.randomUUID()
  c.set('requestId', id)
  c.header('X-Request-Id', id)
  return next(c)
}
