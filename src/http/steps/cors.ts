import { cors as honoCors } from 'hono/cors'
import { AuthError } from '../../errors.ts'
import type { AppContext } from '../context.ts'
import type { Step } from '../pipeline.ts'
import { leaveBodyUnread } from '../request/body.ts'
import { printable } from '../request/header-text.ts'
import { noteRefusedOrigin, type Origins } from '../request/origins.ts'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** Besides the two that Servauth reads: headers that clients and tracing libraries of browsers often add. */
const HEADERS = [
  'authorization',
  'content-type',
  'traceparent',
  'tracestate',
  'baggage',
  'sentry-trace',
  'x-request-id',
  'x-requested-with',
  'apollographql-client-name',
  'apollographql-client-version',
  'apollo-require-preflight',
  'graphql-client-name',
  'graphql-client-version',
]

type Options = {
  origins: Origins
  /** Called at each refused preflight; the answer does not wait for it. */
  onRefused: (c: AppContext) => void
}

/** Lets pages of the listed origins read answers and send their cookie. Other origins get no CORS header. */
export function cors({ origins, onRefused }: Options): Step {
  const permit = honoCors({
    origin: (origin) => origin,
    credentials: true,
    allowMethods: METHODS,
    allowHeaders: HEADERS,
    exposeHeaders: ['retry-after', 'x-request-id'],
    maxAge: 600,
  })
  return function cors(c, next) {
    const origin = c.req.header('origin')
    if (origin !== undefined && origins.isAllowed(origin)) {
      if (c.req.method === 'OPTIONS') {
        leaveBodyUnread(c)
        noteUnlistedHeaders(c, origin)
      }
      // Hono answers a preflight itself, and only adds headers to any other request.
      return permit(c, async () => {}).then((preflight) => preflight ?? next(c))
    }
    c.header('Vary', 'Origin', { append: true })
    if (origin === undefined || origins.isOwn(origin, c.req.header('host'))) return next(c)
    noteRefusedOrigin(c, origins)
    if (!isPreflight(c)) return next(c)
    leaveBodyUnread(c)
    onRefused(c)
    throw new AuthError('FORBIDDEN_ORIGIN')
  }
}

const isPreflight = (c: AppContext) =>
  c.req.method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined

/** The browser does not send a request with a header that its preflight did not allow. */
function noteUnlistedHeaders(c: AppContext, origin: string) {
  const asked =
    c.req
      .header('access-control-request-headers')
      ?.toLowerCase()
      .split(/[, \t]+/) ?? []
  const unlisted = asked.filter((name) => name !== '' && !HEADERS.includes(name))
  if (unlisted.length === 0) return
  c.set('hint', {
    origin: printable(origin),
    headers: printable(unlisted.join(' ')),
    hint: 'Servauth does not allow these headers from other origins. Let the page leave them out.',
  })
}
