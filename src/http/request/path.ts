import { getPath } from 'hono/utils/url'

/**
 * The decoded path of a request. Without a usable `Host`, as in a health check by HTTP/1.0, Bun's `url` is the target
 * alone, and Hono's own function would cut it.
 */
export function pathOf(request: Request) {
  return getPath(isTargetAlone(request.url) ? new Request(`http://localhost${request.url}`) : request)
}

/** The target of a request as the client sent it: the path with the query. */
export function targetOf({ url }: Request) {
  return isTargetAlone(url) ? url : url.slice(url.indexOf('/', 'https://'.length))
}

const isTargetAlone = (url: string) => url.startsWith('/')
