import { createAuthEndpoint } from 'better-auth/api'
import { type JwtOptions, resolveSigningKey } from 'better-auth/plugins/jwt'

/** Hands out the key that signs, decrypted and imported, which the `jwt` plugin does anew for each token. */
export function keysPlugin(options: JwtOptions) {
  return {
    id: 'servauth-keys',
    endpoints: {
      getSigningKey: createAuthEndpoint.serverOnly({ method: 'GET' }, async (context) => {
        const key = await resolveSigningKey(context, options)
        if (!key) throw new TypeError('There is no signing key')
        return key
      }),
    },
  } as const
}
