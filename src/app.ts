import { TrieRouter } from 'hono/router/trie-router'
import type { AuthCore } from './auth/core.ts'
import type { Env } from './env.ts'
import { createGraphQLByGet } from './graphql/engine/by-get.ts'
import { createGraphQL } from './graphql/engine/handler.ts'
import { createGraphiQL } from './graphql/pages/graphiql/graphiql.ts'
import { createSdl } from './graphql/pages/sdl.ts'
import { schema } from './graphql/schema/schema.ts'
import { createSubgraph } from './graphql/schema/subgraph.ts'
import { withoutAdministration } from './graphql/schema/without-administration.ts'
import type { Handler, RequestContext, Route } from './http/context.ts'
import { notFound } from './http/error-response.ts'
import { createPipeline } from './http/pipeline.ts'
import { clientOf } from './http/request/client.ts'
import { type Cookies, createCookies } from './http/request/cookies.ts'
import { createOrigins } from './http/request/origins.ts'
import { body } from './http/steps/body.ts'
import { caller } from './http/steps/caller.ts'
import { cors } from './http/steps/cors.ts'
import { csrf } from './http/steps/csrf.ts'
import { host } from './http/steps/host.ts'
import { requestId } from './http/steps/request-id.ts'
import { requestLog } from './http/steps/request-log.ts'
import { securityHeaders } from './http/steps/security-headers.ts'
import { trace } from './http/steps/trace.ts'
import { turnsAndErrors } from './http/steps/turns-and-errors.ts'
import type { Logger } from './observe/log.ts'
import type { ObserveRequest } from './observe/request-metrics.ts'
import type { Tracing } from './observe/tracing.ts'
import { openApi } from './rest/openapi.ts'
import { operationRoutes } from './rest/operation-routes.ts'
import { createReference } from './rest/reference/reference.ts'
import { serverRoutes } from './rest/server-routes.ts'
import { serviceRoutes } from './rest/service-routes.ts'

type Parts = {
  env: Env
  core: AuthCore
  log: Logger
  isReady: () => Promise<boolean>
  observe?: ObserveRequest | undefined
  tracing?: Tracing | undefined
  /** Whether this application serves the operations of administration. */
  hasAdministration: boolean
}

/** The HTTP application: the routes of both adapters behind one pipeline. */
export function createApp(parts: Parts) {
  const { env } = parts
  const https = env.PUBLIC_URL.startsWith('https:')
  const cookies = createCookies({ https, sessionSeconds: env.SESSION_IDLE_SECONDS })
  const routes = createRoutes(parts, cookies.sessionName)
  const steps = createSteps(parts, cookies, https)
  return { fetch: createPipeline({ steps, routes, notFound: notFound(methodsByPath(routes)) }), routes }
}

/** The steps of a request, in order. A step can read the values that earlier steps have set. */
function createSteps({ env, core, log, observe, tracing }: Parts, cookies: Cookies, https: boolean) {
  const { identify, view, findServiceKey, waitForTurn } = core
  const { TRUSTED_PROXIES: trustedProxies } = env
  const origins = createOrigins({
    own: env.PUBLIC_URL,
    allowed: env.ALLOWED_ORIGINS,
    ownsAddresses: env.NODE_ENV === 'development',
  })
  const onRefused = (c: RequestContext) => {
    core
      .recordRefusedOrigin(clientOf(c, { cookies, trustedProxies }))
      .catch((err: unknown) => log.warn({ err }, 'event lost'))
  }
  return [
    securityHeaders({ https }),
    requestId,
    ...(tracing ? [trace(tracing)] : []),
    requestLog(log, observe),
    turnsAndErrors({ trustedProxies, waitForTurn }),
    cors({ origins, onRefused }),
    body(),
    host,
    csrf({ origins, cookieName: cookies.sessionName, onRefused }),
    caller({ cookies, trustedProxies, identify, view, findServiceKey }),
  ]
}

function createRoutes(
  { env, core, isReady, observe, tracing, hasAdministration }: Parts,
  cookieName: string,
) {
  const { publishedKeys } = core
  const isObserved = (observe ?? tracing) !== undefined
  const ownSchema = hasAdministration ? schema : withoutAdministration(schema)
  const servedSchema = env.FEDERATION ? createSubgraph(ownSchema, core.findUsers) : ownSchema
  const graphql = createGraphQL({ schema: servedSchema, core, introspection: env.INTROSPECTION, isObserved })
  const graphiql = env.GRAPHIQL ? createGraphiQL() : undefined
  const reference = env.DOCS ? createReference() : undefined
  const get = (path: string, handler: Handler) => ({ method: 'GET', path, handler })
  const routes: Route[] = [
    { method: 'POST', path: '/graphql', handler: graphql },
    { ...get('/graphql', createGraphQLByGet(graphiql?.page)), refuses: !graphiql },
    ...(graphiql ? [get('/graphql/:file', graphiql.file)] : []),
    ...(reference ? [get('/docs', reference.page), get('/docs/:file', reference.file)] : []),
    ...(env.INTROSPECTION || env.PUBLISH_SCHEMA ? [get('/schema.graphql', createSdl(ownSchema))] : []),
    ...operationRoutes(core, hasAdministration),
    ...serverRoutes({
      isReady,
      publishedKeys,
      passkeyOrigins: env.PASSKEY_ORIGINS,
      publishVersion: env.PUBLISH_VERSION,
    }),
    ...serviceRoutes({ ...core, url: env.PUBLIC_URL, hasAdministration }),
  ]
  return [...routes, openApi(routes, { url: env.PUBLIC_URL, cookieName })]
}

/** Finds the methods of a path, without those that exist only to refuse. What serves GET serves HEAD. */
function methodsByPath(routes: Route[]) {
  const router = new TrieRouter<string>()
  for (const { method, path, refuses } of routes) {
    if (refuses) continue
    router.add('ALL', path, method)
    if (method === 'GET') router.add('ALL', path, 'HEAD')
  }
  return (path: string) => [...new Set(router.match('ALL', path)[0].map(([method]) => method))]
}
