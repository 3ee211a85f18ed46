import type { JSONWebKeySet } from 'jose'
import { publishedKeys as keysEndpoint } from './server-endpoints.ts'
import { introspect, revoke } from './service-endpoints.ts'

type Options = { url: string; publishedKeys: () => Promise<JSONWebKeySet> }

/**
 * Authorization server metadata (RFC 8414). The empty lists say that there is no authorization endpoint; without them,
 * readers assume the authorization code grant (section 2). docs/decisions/services.md gives the reasons.
 */
export function createMetadata({ url, publishedKeys }: Options) {
  return async () => {
    const { keys } = await publishedKeys()
    const algorithms = [...new Set(keys.map(({ alg }) => alg))]
    return {
      issuer: url,
      jwks_uri: url + keysEndpoint.rest.path,
      revocation_endpoint: url + revoke.rest.path,
      revocation_endpoint_auth_methods_supported: ['none'],
      introspection_endpoint: url + introspect.rest.path,
      introspection_endpoint_auth_methods_supported: ['Bearer', 'client_secret_basic'],
      response_types_supported: [],
      grant_types_supported: [],
      subject_types_supported: ['public'],
      // The common readers take the algorithms of all tokens from here.
      id_token_signing_alg_values_supported: algorithms,
    }
  }
}
