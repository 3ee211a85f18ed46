import { cors as honoCors } from 'hono/cors'
import type { Step } from './pipeline.ts'

/** Lets pages of the listed origins read answers and send their cookie. Other origins get no CORS header. */
export function cors(allowedOrigins: string[]): Step {
  const allowed = new Set(allowedOrigins)
  const permit = honoCors({
    origin: (origin) => origin,
    credentials: true,
    allowMethods: ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'],
    allowHeaders: ['authorization', 'content-type'],
    exposeHeaders: ['retry-after', 'x-request-id'],
    maxAge: 600,
  })
  return function cors(c, next) {
    const origin = c.req.header('origin')
    if (origin !== undefined && allowed.has(origin)) {
      // Hono answers a preflight itself, and only adds headers to any other request.
      return permit(c, async () => {}).then((preflight) => preflight ?? next(c))
    }
    c.header('Vary', 'Origin', { append: true })
    return next(c)
  }
}
