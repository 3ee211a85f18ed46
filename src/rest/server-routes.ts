import { Hono } from 'hono'
import type { JSONWebKeySet } from 'jose'
import { version } from '../../package.json' with { type: 'json' }
import { AuthError } from '../errors.ts'
import type { AppEnv } from '../http/context.ts'
import { route } from './route.ts'
import * as endpoints from './server-endpoints.ts'

type Options = {
  isReady: () => Promise<boolean>
  publishedKeys: () => Promise<JSONWebKeySet>
  passkeyOrigins: string[]
  publishVersion: boolean
}

/** The routes for machines: whether the process is alive, whether it can serve, and the keys that verify its tokens. */
export function serverRoutes({ isReady, publishedKeys, passkeyOrigins, publishVersion }: Options) {
  const { health, ready } = endpoints
  const app = new Hono<AppEnv>()
  const alive = { status: 'ok', ...(publishVersion && { version }) }

  async function answerReady() {
    if (!(await isReady())) throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
    return { status: 'ready' }
  }

  app.get(
    health.rest.path,
    route('health', health, () => alive),
  )
  app.get(ready.rest.path, route('ready', ready, answerReady))
  const keys = endpoints.publishedKeys
  app.get(keys.rest.path, route('publishedKeys', keys, publishedKeys))
  // Apps have no domain that a browser could compare.
  const origins = passkeyOrigins.filter((origin) => origin.startsWith('https:'))
  const related = endpoints.passkeyOrigins
  app.get(
    related.rest.path,
    route('passkeyOrigins', related, () => ({ origins })),
  )
  return app
}
