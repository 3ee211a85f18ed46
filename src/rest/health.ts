import { Hono } from 'hono'
import type { AuthService } from '../auth/service.ts'
import { AuthError } from '../errors.ts'
import type { AppEnv } from '../http/context.ts'

type Options = { isReady: () => Promise<boolean>; publishedKeys: AuthService['publishedKeys'] }

/** What machines ask: whether the process lives, whether it can serve, and the keys that verify our tokens. */
export function healthRoutes({ isReady, publishedKeys }: Options) {
  const app = new Hono<AppEnv>({ strict: true })

  app.get('/health', (c) => c.json({ status: 'ok' }))

  app.get('/ready', async (c) => {
    if (!(await isReady())) throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
    return c.json({ status: 'ready' })
  })

  app.get('/.well-known/jwks.json', async (c) => {
    c.header('Cache-Control', 'public, max-age=300')
    return c.json(await publishedKeys())
  })

  return app
}
