import type { Step } from './life.ts'

/** The name of a request in logs and events: the one that a proxy in front gave it, where it is harmless. */
export const requestId: Step = (c) => {
  const given = c.req.header('x-request-id')
  const id = given !== undefined && /^[\w=-]{1,64}$/.test(given) ? given : crypto.randomUUID()
  c.set('requestId', id)
  c.header('X-Request-Id', id)
}
