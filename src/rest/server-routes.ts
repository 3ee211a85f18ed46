import type { JSONWebKeySet } from 'jose'
import { version } from '../../package.json' with { type: 'json' }
import { AuthError } from '../errors.ts'
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
  const alive = { status: 'ok', ...(publishVersion && { version }) }

  async function answerReady() {
    if (!(await isReady())) throw new AuthError('SERVICE_UNAVAILABLE', { retryAfter: 1 })
    return { status: 'ready' }
  }

  // Apps have no domain that a browser could compare.
  const origins = passkeyOrigins.filter((origin) => origin.startsWith('https:'))
  return [
    route('health', endpoints.health, () => alive),
    route('ready', endpoints.ready, answerReady),
    route('publishedKeys', endpoints.publishedKeys, publishedKeys),
    route('passkeyOrigins', endpoints.passkeyOrigins, () => ({ origins })),
  ]
}
