import { Hono } from 'hono'
import { RegExpRouter } from 'hono/router/reg-exp-router'
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
import type { AppContext, AppEnv } from './http/context.ts'
import { errorResponse, notFound } from './http/error-response.ts'
import { createPipeline, type Handler } from './http/pipeline.ts'
import { clientOf } from './http/request/client.ts'
import { type Cookies, createCookies } from './http/request/cookies.ts'
import { createOrigins } from './http/request/origins.ts'
import { pathOf } from './http/request/path.ts'
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
import { openApiDocument } from './rest/server-endpoints.ts'
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
  const serve = createPipeline(createSteps(parts, cookies, https))

  // Hono would take a slower router, for all paths, if this one does not support a path. It refuses such a path at the start.
  const app = new Hono<AppEnv>({ getPath: pathOf, router: new RegExpRouter() })
  for (const { method, path, handler } of routes.routes) app.on(method, path, serve(handler as Handler))
  app.notFound(serve(notFound(methodsByPath(routes.routes))))
  app.onError(errorResponse)
  return app
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
  const onRefused = (c: AppContext) => {
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
  const routes = new Hono<AppEnv>()
  const ownSchema = hasAdministration ? schema : withoutAdministration(schema)
  const servedSchema = env.FEDERATION ? createSubgraph(ownSchema, core.findUsers) : ownSchema
  routes.post(
    '/graphql',
    createGraphQL({ schema: servedSchema, core, introspection: env.INTROSPECTION, isObserved }),
  )
  const graphiql = env.GRAPHIQL ? createGraphiQL() : undefined
  routes.get('/graphql', createGraphQLByGet(graphiql?.page))
  if (graphiql) routes.get('/graphql/:file', graphiql.file)
  const reference = env.DOCS ? createReference() : undefined
  if (reference) routes.get('/docs', reference.page).get('/docs/:file', reference.file)
  if (env.INTROSPECTION || env.PUBLISH_SCHEMA) routes.get('/schema.graphql', createSdl(ownSchema))
  routes.route('/', operationRoutes(core, hasAdministration))
  routes.route(
    '/',
    serverRoutes({
      isReady,
      publishedKeys,
      passkeyOrigins: env.PASSKEY_ORIGINS,
      publishVersion: env.PUBLISH_VERSION,
    }),
  )
  routes.route('/', serviceRoutes({ ...core, url: env.PUBLIC_URL, hasAdministration }))
  routes.get(openApiDocument.rest.path, openApi(routes, { url: env.PUBLIC_URL, cookieName }))
  return routes
}

/** Finds the methods of a path, without those that exist only to refuse. It matches paths as Hono does. */
function methodsByPath(routes: { method: string; path: string; handler: object }[]) {
  const router = new TrieRouter<string>()
  for (const { method, path, handler } of routes) {
    if (!('refuses' in handler && handler.refuses)) router.add('ALL', path, method)
  }
  return (path: string) => [...new Set(router.match('ALL', path)[0].map(([method]) => method))]
}
