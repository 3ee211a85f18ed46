import { Hono } from 'hono'
import { TrieRouter } from 'hono/router/trie-router'
import type { AuthService } from './auth/service.ts'
import type { Env } from './env.ts'
import { createGraphQL } from './graphql/engine/handler.ts'
import { createGraphiQL } from './graphql/pages/graphiql.ts'
import { createSdl } from './graphql/pages/sdl.ts'
import { body } from './http/body.ts'
import { caller, clientOf } from './http/caller.ts'
import type { AppContext, AppEnv } from './http/context.ts'
import { cors } from './http/cors.ts'
import { csrf } from './http/csrf.ts'
import { errorResponse, notFound } from './http/error-response.ts'
import { type Handler, life } from './http/life.ts'
import { requestId } from './http/request-id.ts'
import { requestLog } from './http/request-log.ts'
import { securityHeaders } from './http/security-headers.ts'
import { createSessionCookie } from './http/session-cookie.ts'
import { trace } from './http/trace.ts'
import type { Logger } from './observe/log.ts'
import type { Tracing } from './observe/tracing.ts'
import { authRoutes } from './rest/auth.ts'
import { healthRoutes } from './rest/health.ts'
import { openApi } from './rest/openapi.ts'
import { referenceRoutes } from './rest/reference.ts'

type Parts = {
  env: Env
  auth: AuthService
  log: Logger
  isReady: () => Promise<boolean>
  /** Told of each request at its end, where somebody watches. */
  observe?: ((c: AppContext, ms: number) => void) | undefined
  tracing?: Tracing | undefined
}

/** The HTTP server's inside. The list in `before` is the life of a request, in order. */
export async function createApp({ env, auth, log, isReady, observe, tracing }: Parts) {
  const https = env.PUBLIC_URL.startsWith('https:')
  const cookie = createSessionCookie({ https, maxAgeSeconds: env.SESSION_IDLE_SECONDS })
  const onRefused = (c: AppContext) => {
    auth
      .noteRefusedOrigin(clientOf(c, env.TRUSTED_PROXIES))
      .catch((err: unknown) => log.warn({ err }, 'event lost'))
  }

  const routes = new Hono<AppEnv>()
  routes.post(
    '/graphql',
    createGraphQL({ auth, introspection: env.INTROSPECTION, isObserved: (observe ?? tracing) !== undefined }),
  )
  if (env.GRAPHIQL) routes.get('/graphql', await createGraphiQL())
  if (env.INTROSPECTION || env.PUBLISH_SCHEMA) routes.get('/schema.graphql', createSdl())
  routes.route('/auth', authRoutes(auth))
  const { publishedKeys } = auth
  routes.route('/', healthRoutes({ isReady, publishedKeys, publishVersion: env.PUBLISH_VERSION }))
  routes.get('/openapi.json', openApi(routes, { url: env.PUBLIC_URL, cookieName: cookie.name }))
  if (env.DOCS) routes.route('/docs', referenceRoutes())

  const { identify, view } = auth
  const serve = life({
    before: [
      requestId,
      securityHeaders({ https }),
      cors(env.ALLOWED_ORIGINS),
      body(),
      csrf({
        ownOrigin: env.PUBLIC_URL,
        allowedOrigins: env.ALLOWED_ORIGINS,
        cookieName: cookie.name,
        onRefused,
      }),
      caller({ cookie, trustedProxies: env.TRUSTED_PROXIES, identify, view }),
    ],
    onError: errorResponse,
    after: requestLog(log, observe),
  })

  const app = new Hono<AppEnv>()
  if (tracing) app.use(trace(tracing))
  for (const { method, path, handler } of routes.routes) app.on(method, path, serve(handler as Handler))
  app.notFound(serve(notFound(methodsByPath(routes.routes))))
  app.onError(errorResponse)
  return app
}

/** Which methods a path is served with, found the way Hono finds its routes. */
function methodsByPath(routes: { method: string; path: string }[]) {
  const router = new TrieRouter<string>()
  for (const { method, path } of routes) router.add('ALL', path, method)
  return (path: string) => [...new Set(router.match('ALL', path)[0].map(([method]) => method))]
}
