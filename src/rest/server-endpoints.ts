import { z } from 'zod'
import { endpoint } from '../contract/operation.ts'

const example = (value: string) =>
  z
    .string()
    .optional()
    .meta({ examples: [value] })

/** The endpoints for machines. They exist over REST only. */
export const health = endpoint({
  tag: 'Server',
  summary: 'Whether the process is alive',
  description:
    'Depends on no other system. An orchestrator restarts a process that does not answer. With `PUBLISH_VERSION` the ' +
    'answer also contains the version.',
  output: z.strictObject({ status: z.literal('ok'), version: z.string().optional() }).meta({ id: 'Health' }),
  refusals: [],
  rest: { method: 'GET', path: '/health', status: 200 },
})

export const ready = endpoint({
  tag: 'Server',
  summary: 'Whether the server can serve requests',
  description:
    'It is ready when the database answers and the migrations are applied. Until then, load balancers send no requests.',
  output: z.strictObject({ status: z.literal('ready') }).meta({ id: 'Ready' }),
  refusals: ['SERVICE_UNAVAILABLE'],
  rest: { method: 'GET', path: '/ready', status: 200 },
})

export const publishedKeys = endpoint({
  tag: 'Server',
  summary: 'The public keys that verify access tokens',
  description: 'A JSON Web Key Set (RFC 7517), so that other services can verify tokens without a request.',
  output: z
    .strictObject({
      keys: z.array(
        z.looseObject({
          kty: example('EC'),
          crv: example('P-256'),
          alg: example('ES256'),
          use: example('sig'),
          kid: example('6f0a4c1e-9d57-4f1d-8a7c-9b100b8d3f0e'),
          x: example('f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU'),
          y: example('x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0'),
        }),
      ),
    })
    .meta({ id: 'KeySet' }),
  refusals: ['SERVICE_UNAVAILABLE'],
  rest: { method: 'GET', path: '/.well-known/jwks.json', status: 200, cacheSeconds: 300 },
})

export const passkeyOrigins = endpoint({
  tag: 'Server',
  summary: 'The other domains that may use the passkeys of this one',
  description:
    'Browsers read it (WebAuthn Level 3, section 5.11). The operator lists them in `PASSKEY_ORIGINS`.',
  output: z
    .strictObject({ origins: z.array(z.string()).meta({ examples: [['https://example.co.uk']] }) })
    .meta({ id: 'PasskeyOrigins' }),
  refusals: [],
  rest: { method: 'GET', path: '/.well-known/webauthn', status: 200, cacheSeconds: 300 },
})

export const openApiDocument = endpoint({
  tag: 'Server',
  summary: 'This document',
  description: 'OpenAPI 3.1, generated from the same definitions as the routes.',
  output: z.looseObject({ openapi: z.string().meta({ examples: ['3.1.0'] }) }).meta({ id: 'OpenAPI' }),
  refusals: [],
  rest: { method: 'GET', path: '/openapi.json', status: 200, cacheSeconds: 300 },
})
