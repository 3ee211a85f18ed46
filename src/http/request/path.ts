import { getPath } from 'hono/utils/url'
import type { RequestContext } from '../context.ts'

/** Where gateways ask whether they may let a request through. */
export const FORWARD_PATH = '/auth/forward'
/** The same for a gateway that asks with the path of the original request after it. */
export const FORWARD_ANY_PATH = `${FORWARD_PATH}/`
/** What such a gateway adds to each question. A client can only ask the same. */
const FORWARD_HEADER = 'x-servauth-forward'

/** A name has at most 255 octets (RFC 1035, section 2.3.4), and a port may follow. The step `host` refuses more. */
export const MAX_HOST_CHARACTERS = 300

/**
 * The decoded path of a request. The question of a gateway has one path, whatever is in it: Bun resolves the dots of
 * `/auth/forward/../../health`, and a gateway would take the answer of that path for a permission.
 *
 * Without a usable `Host`, as in a health check by HTTP/1.0, Bun's `url` is the target alone, and Hono's own function
 * would cut it.
 */
export function pathOf(request: Request) {
  if (hasLongHost(request)) return NO_TARGET
  if (request.headers.has(FORWARD_HEADER)) return FORWARD_ANY_PATH
  return getPath(isTargetAlone(request.url) ? new Request(`http://localhost${request.url}`) : request)
}

/**
 * The target of a request as the client sent it: the path with the query. Only `/` if that is the path, because a host that
 * is too long leads there too.
 */
export function targetOf({ path, request }: RequestContext) {
  if (path === NO_TARGET) return NO_TARGET
  const { url } = request
  return isTargetAlone(url) ? url : url.slice(url.indexOf('/', 'https://'.length))
}

const NO_TARGET = '/'

/** The `url` of such a request is not read: Bun would decode and normalise the host, which can take a tenth of a second. */
const hasLongHost = ({ headers }: Request) => (headers.get('host')?.length ?? 0) > MAX_HOST_CHARACTERS

const isTargetAlone = (url: string) => url.startsWith('/')
