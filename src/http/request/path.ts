import { getPath } from 'hono/utils/url'

/** Where gateways ask whether they may let a request through. */
export const FORWARD_PATH = '/auth/forward'
/** The same for a gateway that asks with the path of the original request after it. */
export const FORWARD_ANY_PATH = `${FORWARD_PATH}/`
/** What such a gateway adds to each question. A client can only ask the same. */
const FORWARD_HEADER = 'x-servauth-forward'

/**
 * The decoded path of a request. The question of a gateway has one path, whatever is in it: Bun resolves the dots of
 * `/auth/forward/../../health`, and a gateway would take the answer of that path for a permission.
 *
 * Without a usable `Host`, as in a health check by HTTP/1.0, Bun's `url` is the target alone, and Hono's own function
 * would cut it.
 */
export function pathOf(request: Request) {
  if (request.headers.has(FORWARD_HEADER)) return FORWARD_ANY_PATH
  return getPath(isTargetAlone(request.url) ? new Request(`http://localhost${request.url}`) : request)
}

/** The target of a request as the client sent it: the path with the query. */
export function targetOf({ url }: Request) {
  return isTargetAlone(url) ? url : url.slice(url.indexOf('/', 'https://'.length))
}

const isTargetAlone = (url: string) => url.startsWith('/')
