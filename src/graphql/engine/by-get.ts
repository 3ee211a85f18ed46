import { AuthError } from '../../errors.ts'
import { headersOf } from '../../http/answer.ts'
import type { Handler, RequestContext } from '../../http/context.ts'
import { preferredType } from '../../http/request/accept.ts'
import { readQuery } from '../../http/request/parameters.ts'
import { refusePersistedQuery } from './handler.ts'

const PARAMETERS = ['query', 'operationName', 'variables', 'extensions', 'documentId']

/**
 * `GET /graphql`: the page, if there is one, for a browser. Operations are executed by POST only, so a client that tries
 * GET is refused in JSON. With the hash of a persisted query, it learns that it must send the query.
 */
export function createGraphQLByGet(page?: Handler): Handler {
  return function byGet(c: RequestContext) {
    const query = readQuery(c)
    const isOperation = PARAMETERS.some((name) => query[name] !== undefined)
    headersOf(c).append('Vary', 'Accept')
    if (page && acceptsHtml(c, !isOperation)) return page(c)
    const isHashed = query.extensions?.includes('"persistedQuery"')
    if (isHashed && !query.query) return refusePersistedQuery(c)
    throw new AuthError('METHOD_NOT_ALLOWED', {
      allow: ['POST'],
      ...(isOperation && { detail: 'Send GraphQL operations by POST.' }),
    })
  }
}

/** A browser asks for HTML by name, also for an address of GraphiQL that contains a query. Others often accept anything. */
function acceptsHtml(c: RequestContext, byDefault: boolean) {
  const supports = ['text/html', 'application/json', 'application/graphql-response+json']
  return preferredType(c, supports, byDefault ? 'text/html' : 'application/json') === 'text/html'
}
