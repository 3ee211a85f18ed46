import { z } from 'zod'
import { UserId } from '../contract/fields.ts'
import { endpoint } from '../contract/operation.ts'
import { Introspection } from '../contract/outputs/introspection.ts'
import { pageSize } from '../contract/outputs/page.ts'
import { WebhookEvents } from '../contract/outputs/webhook-events.ts'
import { FORWARD_PATH } from '../http/request/path.ts'

/** The endpoints for other services. They exist over REST only. */

/** Unknown parameters are ignored, as the standards require (RFC 7662, section 2.1; RFC 7009, section 2.1). */
const TokenInput = z.object({
  token: z.string().min(1).meta({ description: 'The token as a client presented it.' }),
  token_type_hint: z.string().optional().meta({ description: 'Ignored: a token shows what it is.' }),
})

export const introspect = endpoint({
  tag: 'Services',
  summary: 'Whether an access token is valid now',
  description:
    'Token introspection (RFC 7662), for a service key with the scope `tokens:introspect`. A token that is unknown, expired or of an ended ' +
    'session answers `{"active":false}`.',
  input: TokenInput,
  output: Introspection,
  credentials: ['serviceKey'],
  permission: 'tokens:introspect',
  refusals: ['SERVICE_UNAVAILABLE'],
  rest: { method: 'POST', path: '/auth/introspect', status: 200, takesForm: true },
})

export const revoke = endpoint({
  tag: 'Services',
  summary: 'End the session of a token',
  description:
    'Token revocation (RFC 7009). The access token or refresh token itself authorises it. An unknown token is no error.',
  input: TokenInput,
  output: z.strictObject({}).meta({ id: 'RevocationAnswer' }),
  refusals: ['SERVICE_UNAVAILABLE'],
  rest: { method: 'POST', path: '/auth/revoke', status: 200, takesForm: true },
})

export const revocations = endpoint({
  tag: 'Services',
  summary: 'The feed of revocations',
  description:
    'Server-sent events, for a service key with the scope `revocations:read`. `open { at, nonce }` comes first, then what has ended within ' +
    'the longest lifetime of an access token, then every end as it happens: `ended { sid }`, `changed { sub, before }` and ' +
    '`all { before }`; `before` is in seconds, as `iat` is. `proof { age, at }` arrives several times a second. It means ' +
    'that everything that was committed until `age` milliseconds ago was sent. `at` is the monotonic clock of the ' +
    'server in milliseconds. With `Last-Event-ID`, the feed continues from there.',
  input: z.strictObject({
    nonce: z
      .string()
      .regex(/^[\w-]{1,64}$/, 'Must have at most 64 letters, digits, - and _.')
      .optional()
      .meta({ description: 'Comes back in `open`, so that a replayed answer is noticed.' }),
  }),
  output: z.string(),
  credentials: ['serviceKey'],
  permission: 'revocations:read',
  refusals: ['TOO_MANY_REQUESTS', 'SERVICE_UNAVAILABLE'],
  rest: { method: 'GET', path: '/auth/revocations', status: 200, mediaType: 'text/event-stream' },
})

export const forward = endpoint({
  tag: 'Services',
  summary: 'Whether a gateway may let a request through',
  description:
    'For the authentication requests of gateways (nginx, Traefik, Caddy, Envoy, Hasura). It takes the cookie or the access token of ' +
    'the original request, and answers with an access token in `Authorization`, for the service behind. With a cookie, a ' +
    'request that changes something must come from an origin of `ALLOWED_ORIGINS`: its method is in `X-Forwarded-Method` or ' +
    '`X-Original-Method`. A WebSocket counts as one that changes something.',
  output: z.strictObject({ 'X-Hasura-User-Id': UserId, 'X-Hasura-Role': z.literal('user') }).meta({
    id: 'Forwarded',
    description: 'The session variables of Hasura. Other gateways read the headers.',
  }),
  credentials: ['bearer', 'cookie'],
  refusals: ['FORBIDDEN_ORIGIN', 'REAUTHENTICATION_REQUIRED', 'SERVICE_UNAVAILABLE'],
  rest: { method: 'GET', path: FORWARD_PATH, status: 200, isForGateways: true },
})

const Names = z.array(z.string())

const Metadata = z
  .looseObject({
    issuer: z.url(),
    jwks_uri: z.url(),
    revocation_endpoint: z.url(),
    revocation_endpoint_auth_methods_supported: Names,
    introspection_endpoint: z.url(),
    introspection_endpoint_auth_methods_supported: Names,
    response_types_supported: Names,
    grant_types_supported: Names,
    subject_types_supported: Names,
    id_token_signing_alg_values_supported: Names,
  })
  .meta({ id: 'ServerMetadata' })

export const serverMetadata = endpoint({
  tag: 'Services',
  summary: 'Where services find the issuer and the keys',
  description:
    'Authorization server metadata (RFC 8414). There is no authorization endpoint and no token endpoint.',
  output: Metadata,
  refusals: ['SERVICE_UNAVAILABLE'],
  rest: { method: 'GET', path: '/.well-known/oauth-authorization-server', status: 200, cacheSeconds: 300 },
})

export const openIdConfiguration = endpoint({
  ...serverMetadata,
  summary: 'The same metadata for readers that know only this path',
  description:
    'Servauth is no OpenID provider. Many libraries look for the issuer and the keys of access tokens here.',
  rest: { ...serverMetadata.rest, path: '/.well-known/openid-configuration' },
})

export const webhookEvents = endpoint({
  tag: 'Services',
  summary: 'The events of webhooks, to be read',
  description:
    'For a service key with the scope `events:read`, if `EVENT_PULL` or a webhook makes the server keep events. Oldest first. ' +
    'A reader keeps `next`, and sends it as `after`; an empty page means that there is nothing new yet. No event is ' +
    'left out, whatever was running at the time of a request.',
  input: z.strictObject({
    after: z
      .string()
      .optional()
      .meta({ description: 'The `next` of the page before. Left out: the oldest events.' }),
    first: pageSize(1000, 100),
  }),
  output: WebhookEvents,
  credentials: ['serviceKey'],
  permission: 'events:read',
  refusals: ['SERVICE_UNAVAILABLE'],
  rest: { method: 'GET', path: '/auth/admin/webhooks/events', status: 200 },
})
