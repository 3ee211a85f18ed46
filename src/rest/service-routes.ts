import { Hono } from 'hono'
import type { JSONWebKeySet } from 'jose'
import type { Client, Presented } from '../contract/caller.ts'
import type { Forwarded } from '../contract/outputs/forwarded.ts'
import type { Introspection } from '../contract/outputs/introspection.ts'
import { parse } from '../contract/parse.ts'
import type { RevocationFeed } from '../contract/revocations.ts'
import { unauthenticated } from '../errors.ts'
import type { AppContext, AppEnv } from '../http/context.ts'
import type { Handler } from '../http/pipeline.ts'
import { streamRevocations } from './revocation-stream.ts'
import { type Documented, documented, route } from './route.ts'
import { createMetadata } from './server-metadata.ts'
import * as endpoints from './service-endpoints.ts'

type Options = {
  url: string
  publishedKeys: () => Promise<JSONWebKeySet>
  introspect: (token: string) => Promise<Introspection>
  forward: (caller: Presented) => Promise<Forwarded>
  revokeToken: (token: string, client: Client) => Promise<void>
  serviceKeys: { isEnabled: boolean; findName: (key: string) => string | null }
  revocationFeed: RevocationFeed
}

type TokenInput = { token: string }

/** The routes for other services: metadata, and with service keys introspection and the feed of revocations. */
export function serviceRoutes({ url, publishedKeys, serviceKeys, ...service }: Options) {
  const app = new Hono<AppEnv>()
  const metadata = createMetadata({ url, publishedKeys, hasServiceKeys: serviceKeys.isEnabled })
  const { serverMetadata, openIdConfiguration, revoke, forward, introspect, revocations } = endpoints
  app.get(serverMetadata.rest.path, route('serverMetadata', serverMetadata, metadata))
  app.get(openIdConfiguration.rest.path, route('openIdConfiguration', openIdConfiguration, metadata))
  app.post(
    revoke.rest.path,
    route('revoke', revoke, async ({ token }: TokenInput, { client }) => {
      await service.revokeToken(token, client)
      return {}
    }),
  )
  app.get(
    forward.rest.path,
    documented('forward', forward, async (c) => {
      const { userId, sessionId, accessToken } = await service.forward(c.get('caller'))
      c.header('Authorization', `Bearer ${accessToken}`)
      c.header('X-Servauth-User', userId)
      c.header('X-Servauth-Session', sessionId)
      return c.json({ 'X-Hasura-User-Id': userId, 'X-Hasura-Role': 'user' })
    }),
  )
  if (!serviceKeys.isEnabled) return app

  const forServices = (handler: Handler & Documented) =>
    documented(handler.operationName, handler.endpoint, (c) => {
      assertServiceKey(c, serviceKeys.findName)
      return handler(c)
    })
  app.post(
    introspect.rest.path,
    forServices(route('introspect', introspect, ({ token }: TokenInput) => service.introspect(token))),
  )
  app.get(
    revocations.rest.path,
    forServices(
      documented('revocations', revocations, async (c) => {
        const { nonce } = parse(revocations.input, c.req.query())
        const stream = await streamRevocations(service.revocationFeed, { nonce, position: positionOf(c) })
        // nginx would buffer the stream otherwise.
        return c.body(stream, 200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' })
      }),
    ),
  )
  return app
}

/** Takes the key as the bearer, or as the password of Basic, as OAuth libraries send it. @throws `UNAUTHENTICATED` */
function assertServiceKey(c: AppContext, findName: (key: string) => string | null) {
  const basic = basicOf(c)
  const key = basic?.password ?? c.get('caller').bearer
  if (key === null) throw unauthenticated('MISSING')
  const name = findName(key)
  if (name === null || (basic && basic.name !== name)) throw unauthenticated('INVALID')
}

/** RFC 7617. Names and keys need no percent-encoding. */
function basicOf(c: AppContext) {
  const [, encoded] = /^basic +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? []
  if (!encoded) return null
  const text = Buffer.from(encoded, 'base64').toString()
  const end = text.indexOf(':')
  return end === -1 ? null : { name: text.slice(0, end), password: text.slice(end + 1) }
}

function positionOf(c: AppContext) {
  const id = c.req.header('last-event-id') ?? ''
  return /^\d{1,19}$/.test(id) ? BigInt(id) : null
}
