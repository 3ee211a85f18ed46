import { cors as honoCors } from 'hono/cors'
import type { Step } from './life.ts'

/** Lets pages of the listed origins read our answers and send their cookie; says nothing to others. */
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
  return function cors(c) {
    const origin = c.req.header('origin')
    if (origin !== undefined && allowed.has(origin)) return permit(c, async () => {})
    c.header('Vary', 'Origin', { append: true })
  }
}
