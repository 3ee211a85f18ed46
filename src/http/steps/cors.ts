import { AuthError } from '../../errors.ts'
import { answer, headersOf } from '../answer.ts'
import type { RequestContext } from '../context.ts'
import type { Step } from '../pipeline.ts'
import { leaveBodyUnread } from '../request/body.ts'
import { printable } from '../request/header-text.ts'
import { type Origins, reportRefusedOrigin } from '../request/origins.ts'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const MAX_AGE_SECONDS = 600
/** What pages may read of an answer. */
const EXPOSED = ['retry-after', 'x-request-id']

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
  onRefused: (c: RequestContext) => void
}

/** Lets pages of the listed origins read answers and send their cookie. Other origins get no CORS header. */
export function cors({ origins, onRefused }: Options): Step {
  return function cors(c, next) {
    const origin = c.header('origin')
    if (origin !== undefined && origins.isAllowed(origin)) {
      const headers = headersOf(c)
      headers.set('Access-Control-Allow-Origin', origin)
      headers.set('Access-Control-Allow-Credentials', 'true')
      headers.set('Access-Control-Expose-Headers', EXPOSED.join(','))
      return c.method === 'OPTIONS' ? answerPreflight(c, origin) : next(c)
    }
    if (origin === undefined || origins.isOwn(origin, c.header('host'))) return next(c)
    reportRefusedOrigin(c, origins)
    if (!isPreflight(c)) return next(c)
    leaveBodyUnread(c)
    onRefused(c)
    throw new AuthError('FORBIDDEN_ORIGIN')
  }
}

function answerPreflight(c: RequestContext, origin: string) {
  leaveBodyUnread(c)
  reportUnlistedHeaders(c, origin)
  headersOf(c).append('Vary', 'Access-Control-Request-Headers')
  return answer(c, null, 204, undefined, {
    'Access-Control-Allow-Headers': HEADERS.join(','),
    'Access-Control-Allow-Methods': METHODS.join(','),
    'Access-Control-Max-Age': String(MAX_AGE_SECONDS),
  })
}

const isPreflight = (c: RequestContext) =>
  c.method === 'OPTIONS' && c.header('access-control-request-method') !== undefined

/** The browser does not send a request with a header that its preflight did not allow. */
function reportUnlistedHeaders(c: RequestContext, origin: string) {
  const requested =
    c
      .header('access-control-request-headers')
      ?.toLowerCase()
      .split(/[, \t]+/) ?? []
  const unlisted = requested.filter((name) => name !== '' && !HEADERS.includes(name))
  if (unlisted.length === 0) return
  c.hint = {
    origin: printable(origin),
    headers: printable(unlisted.join(' ')),
    hint: 'Servauth does not allow these headers from other origins. Let the page leave them out.',
  }
}
