import { Hono } from 'hono'
import { version } from '../../package.json' with { type: 'json' }
import type { AuthService } from '../auth/service.ts'
import { AuthError } from '../errors.ts'
import type { AppEnv } from '../http/context.ts'
import * as operations from './operations.ts'
import { route } from './route.ts'

type Options = {
  isReady: () => Promise<boolean>
  publishedKeys: AuthService['publishedKeys']
  publishVersion: boolean
}

/** What machines ask: whether the process lives, whether it can serve, and the keys that verify our tokens. */
export function healthRoutes({ isReady, publishedKeys, publishVersion }: Options) {
  const app = new Hono<AppEnv>()
  const alive = { status: 'ok' as const, ...(publishVersion && { version }) }

  app.get(
    '/health',
    route(operations.health, () => alive),
  )
  app.get(
    '/ready',
    route(operations.ready, async () => {
      if (!(await isReady())) throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
      return { status: 'ready' as const }
    }),
  )
  app.get('/.well-known/jwks.json', route(operations.publishedKeys, publishedKeys))

  return app
}
