import type { JSONWebKeySet } from 'jose'
import type { z } from 'zod'
import { type Caller, type Client, serviceOf } from '../contract/caller.ts'
import type { Endpoint } from '../contract/operation.ts'
import type { Forwarded } from '../contract/outputs/forwarded.ts'
import type { Introspection } from '../contract/outputs/introspection.ts'
import type { WebhookEvents } from '../contract/outputs/webhook-events.ts'
import { parse } from '../contract/parse.ts'
import type { RevocationFeed } from '../contract/revocations.ts'
import type { Scope, ServiceKey } from '../contract/service-key.ts'
import { answer } from '../http/answer.ts'
import type { Handler, RequestContext } from '../http/context.ts'
import { readQuery } from '../http/request/parameters.ts'
import { FORWARD_ANY_PATH } from '../http/request/path.ts'
import { createRevocationStreams } from './revocation-stream.ts'
import { createHandler, route, toRoute } from './route.ts'
import { createMetadata } from './server-metadata.ts'
import * as endpoints from './service-endpoints.ts'

type Options = {
  url: string
  publishedKeys: () => Promise<JSONWebKeySet>
  introspect: (token: string) => Introspection | Promise<Introspection>
  forward: (caller: Caller) => Promise<Forwarded>
  revokeToken: (token: string, client: Client) => Promise<void>
  revocationFeed: RevocationFeed
  /** Whether the paths of administration are served here. */
  hasAdministration: boolean
  pullEvents: (input: z.output<typeof endpoints.webhookEvents.input>) => Promise<WebhookEvents>
}

type TokenInput = { token: string }

/** The routes for other services: metadata, revocation, gateways, and with a service key introspection and the feed. */
export function serviceRoutes({ url, publishedKeys, hasAdministration, ...core }: Options) {
  const { serverMetadata, openIdConfiguration, revoke, forward, introspect, revocations, webhookEvents } =
    endpoints
  const metadata = createMetadata({ url, publishedKeys })
  const streamRevocations = createRevocationStreams(core.revocationFeed)

  async function revokeToken({ token }: TokenInput, { client }: Caller) {
    await core.revokeToken(token, client)
    return {}
  }

  async function answerGateway(c: RequestContext) {
    const { userId, sessionId, accessToken } = await core.forward(c.caller)
    const variables = JSON.stringify({ 'X-Hasura-User-Id': userId, 'X-Hasura-Role': 'user' })
    return answer(c, variables, 200, 'application/json', {
      Authorization: `Bearer ${accessToken}`,
      'X-Servauth-User': userId,
      'X-Servauth-Session': sessionId,
    })
  }

  async function openStream(c: RequestContext, { id: serviceId }: ServiceKey) {
    const { caller } = c
    const { nonce } = parse(revocations.input, readQuery(c))
    const position = c.header('last-event-id') ?? null
    const assertAllowed = () => serviceOf(caller, scopeOf(revocations))
    // The body of an answer to HEAD is dropped, and its stream would not learn of that.
    const stream =
      c.method === 'HEAD' ? null : await streamRevocations({ nonce, position, serviceId, assertAllowed })
    // nginx would buffer the stream otherwise.
    return answer(c, stream, 200, 'text/event-stream', { 'X-Accel-Buffering': 'no' })
  }

  const introspectToken = createHandler(introspect, ({ token }: TokenInput) => core.introspect(token))
  const pullEvents = createHandler(webhookEvents, core.pullEvents)
  return [
    route('serverMetadata', serverMetadata, metadata),
    route('openIdConfiguration', openIdConfiguration, metadata),
    route('revoke', revoke, revokeToken),
    toRoute('forward', forward, answerGateway),
    // Envoy asks with the method of the original request. So this route has no `endpoint`, whose method is in a header.
    { method: 'ALL', path: FORWARD_ANY_PATH, handler: answerGateway, operationName: 'forward' },
    toRoute('introspect', introspect, forServices(introspect, introspectToken)),
    toRoute('revocations', revocations, forServices(revocations, openStream)),
    ...(hasAdministration
      ? [toRoute('webhookEvents', webhookEvents, forServices(webhookEvents, pullEvents))]
      : []),
  ]
}

type ServiceHandler = (c: RequestContext, service: ServiceKey) => Response | Promise<Response>

/** Lets only services through whose key has the scope of the endpoint. */
function forServices(endpoint: Endpoint, handler: ServiceHandler): Handler {
  const scope = scopeOf(endpoint)
  return (c) => {
    const service = serviceOf(c.caller, scope)
    return service instanceof Promise ? service.then((found) => handler(c, found)) : handler(c, service)
  }
}

function scopeOf({ permission, rest }: Endpoint): Scope {
  if (permission) return permission
  throw new TypeError(`${rest.path} is for services and needs a permission`)
}
